"""The planner that asks language models, and plans by Optuna where none gives a proposal that can be used.

A question is stored before it is asked and its answer before it is used. One that was asked but has no answer (the process was
killed between) is not asked again: it may have been paid for, counts as if it was, and its slot is planned without it.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from . import ExperimentError
from .campaign_model import ModelChoice
from .chat import Answered, ChatError, ask
from .decisions import check
from .ledger import Ledger
from .model import job_from
from .planner import Context, Planner, Proposal
from .prompt import answer_of, body_of, parents_of

_QUESTIONS, _ANSWERS = "questions", "answers"
# A token has three letters or more in nearly all text; the real count comes with the answer.
_LETTERS_A_TOKEN = 3


class Unusable(ExperimentError):
    """No proposal came of a model, and why."""


class LlmPlanner:
    """Asks one model a slot, chosen by weight."""

    def __init__(
        self, ledger: Ledger, fallback: Planner, pause: Callable[[float], object], environment: Mapping[str, str] | None = None
    ) -> None:
        self.ledger, self.fallback, self.pause, self.environment = ledger, fallback, pause, environment

    def propose(self, context: Context) -> Proposal:
        try:
            return self._proposal(context)
        except ExperimentError as error:
            return dataclasses.replace(self.fallback.propose(context), degraded=str(error)[:400])

    def _proposal(self, context: Context) -> Proposal:
        model = model_of(context)
        told = self._told(context, model)
        if told["error"]:
            raise Unusable(told["error"])
        answer = answer_of(told["text"])
        unknown = answer.fields() - {name for profile in context.profiles for name in profile}
        if unknown:
            raise Unusable(f"expected fields of a profile in rules, found {', '.join(sorted(unknown))[:200]!r}")
        payload = answer.payload(context.campaign.settings)
        # A job like the one that will be sent, so that what cannot be one is refused here.
        check(job_from({"experiment_id": "proposal", "timestamp": 0, "kind": answer.kind, "payload": payload,
                        "target": context.campaign.target.model_dump()}))  # fmt: skip
        return Proposal(answer.kind, payload, "llm", None, parents_of(context), note=answer.hypothesis, model=told["model"])

    def _told(self, context: Context, model: ModelChoice) -> dict[str, Any]:
        """The stored answer of a slot; asked for where it was not asked before."""
        name = f"{context.slot:04d}"
        kept = self.ledger.noted(_ANSWERS, name)
        if kept is not None:
            return kept
        body = body_of(context, model)
        most = self._most(context, model, body)
        self._within_limits(context, most)
        question = {"model": model.model, "url": model.url, **most}
        if not self.ledger.note_first(_QUESTIONS, name, question):
            raise Unusable("the process ended while the model was asked; it is not paid for twice")
        try:
            answered = ask(model, body, context.campaign.asking, self.pause, self.environment)
        except ChatError as error:
            spent = most if error.paid else {"tokens": 0, "dollars": 0.0}
            return self.ledger.note(_ANSWERS, name, {"model": model.model, "text": "", "error": str(error), **spent})
        told = {"model": model.model, "text": answered.text, "error": "", **_spent(model, answered, most)}
        return self.ledger.note(_ANSWERS, name, told)

    @staticmethod
    def _most(context: Context, model: ModelChoice, body: dict[str, Any]) -> dict[str, Any]:
        """What a question may take at most."""
        asked, answered = len(json.dumps(body)) // _LETTERS_A_TOKEN + 1, context.campaign.asking.most_tokens_out
        return {"tokens": asked + answered, "dollars": _dollars(model, asked, answered)}

    def _within_limits(self, context: Context, most: dict[str, Any]) -> None:
        used, asking = spent(self.ledger), context.campaign.asking
        if used["tokens"] + most["tokens"] > asking.most_tokens:
            raise Unusable(f"models used {used['tokens']} of {asking.most_tokens} tokens; the next question could pass the limit")
        if used["dollars"] + most["dollars"] > asking.most_dollars:
            raise Unusable(f"models cost {used['dollars']:.4f} of {asking.most_dollars:g} dollars; the next question could pass it")


def model_of(context: Context) -> ModelChoice:
    """The model that a slot asks: by weight, the same each time."""
    models = context.campaign.models
    drawn = random.Random(f"{context.campaign.seed}/{context.slot}/model")
    return drawn.choices(models, [each.weight for each in models])[0]


def spent(ledger: Ledger) -> dict[str, Any]:
    """Tokens and dollars of a campaign so far; a question without an answer counts in full."""
    answers = ledger.all_noted(_ANSWERS)
    each = [answers.get(name, question) for name, question in ledger.all_noted(_QUESTIONS).items()]
    return {"questions": len(each), "tokens": sum(one["tokens"] for one in each), "dollars": sum(one["dollars"] for one in each)}


def _spent(model: ModelChoice, answered: Answered, most: dict[str, Any]) -> dict[str, Any]:
    if answered.tokens_in is None or answered.tokens_out is None:
        return most
    tokens = answered.tokens_in, answered.tokens_out
    return {"tokens": sum(tokens), "dollars": _dollars(model, *tokens)}


def _dollars(model: ModelChoice, tokens_in: int, tokens_out: int) -> float:
    return (tokens_in * model.dollars_per_million_in + tokens_out * model.dollars_per_million_out) / 1e6
