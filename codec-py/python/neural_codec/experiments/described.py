"""The interface as OpenAPI describes it, made of the very records that check what comes in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

import neural_codec

from .model import PAYLOADS, Job


def openapi() -> dict[str, Any]:
    """The description, version 3.1."""
    schemas: dict[str, Any] = {}
    models: list[type[BaseModel]] = [Job, *PAYLOADS.values()]
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    schemas["OldV1"] = _old("generated_code")
    schemas["OldV2"] = _old("encoding_agent_code", "decoding_agent_code")
    name = {"name": "experiment_id", "in": "path", "required": True, "schema": {"type": "string"}}
    bodies = [{"$ref": f"#/components/schemas/{each}"} for each in ("Job", "OldV1", "OldV2")]
    submit = {
        "summary": "Submit an experiment",
        "description": "`timestamp` and `experiment_id` may be left out. `Prefer: wait` or `?wait=SECONDS` answers at the end. The same body"
        " again is answered with what waits, runs or completed; what failed or was cancelled, or completed and is to be `fresh`, is run anew.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": bodies}}}},
        "responses": _answers({"202": "Taken: experiment_id, timestamp", "200": "The result", "400": "What is wrong with it"}),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "neural-codec experiments", "version": neural_codec.__version__},
        "paths": {
            "/experiment": {"post": submit},
            "/experiment/{experiment_id}": {
                "get": _get("One experiment", {"200": "State, phases, result", "404": "None"}, [name])
            },
            "/experiment/{experiment_id}/cancel": {
                "post": {
                    "summary": "Cancel",
                    "parameters": [name],
                    "responses": _answers({"200": "Cancelled", "409": "It has ended"}),
                }
            },
            "/api/experiments": {"get": _get("Lists: successful, in_progress, failed, total", {"200": "Lists"})},
            "/artefacts/{sha256}": {
                "get": _get("Content by its hash", {"200": "Bytes", "404": "None"}, [{**name, "name": "sha256"}])
            },
            "/health": {"get": _get("Whether the store answers and a worker lives", {"200": "Yes", "503": "No"})},
            "/metrics": {"get": _get("Counters for Prometheus", {"200": "Text"})},
            "/events": {"get": _get("Changes as server-sent events", {"200": "A stream"})},
        },
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _old(*codes: str) -> dict[str, Any]:
    text = {"type": "string"}
    properties = {"experiment_id": text, "timestamp": {"type": "integer"}, **dict.fromkeys(codes, text)}
    return {"type": "object", "required": list(codes), "properties": properties, "additionalProperties": True}


def _get(summary: str, answers: dict[str, str], parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"summary": summary, "parameters": parameters or [], "responses": _answers(answers)}


def _answers(texts: dict[str, str]) -> dict[str, Any]:
    return {status: {"description": text} for status, text in texts.items()}
