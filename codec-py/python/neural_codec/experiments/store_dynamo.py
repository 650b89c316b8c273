"""The store in a table of DynamoDB, for workers on many machines: `experiment_id` and `timestamp` are its key.

Every change is one conditional write. Workers, alerts and the counter of revisions are items of their own, whose names no
experiment can have. The table and its two indexes are units/dynamodb-table.json. Lists read an index whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from . import ExperimentError
from .aws import client, code_of
from .stored_dynamo import DynamoRecords
from .model import ENDED, IN_PROGRESS, Claim, Job, Row, State
from .store import ORDERS, Key, after_claim, same_job
from .store_sqlite import counted

_COUNTER = "#counter"
_TEXTS = ("job", "phases", "result", "error")
_MINE = "fence = :mine AND #state = :running"


class DynamoStore(DynamoRecords):
    """See `store.Store`."""

    def __init__(self, table: str) -> None:
        self.table = table
        try:
            client("dynamodb").describe_table(TableName=table)
        except Exception as error:
            raise ExperimentError(
                f"store: table {table}: {code_of(error) or error}; create it from units/dynamodb-table.json"
            ) from None

    def _next(self) -> int:
        answer = client("dynamodb").update_item(
            TableName=self.table, Key=_key((_COUNTER, 0)), UpdateExpression="ADD #value :one",
            ExpressionAttributeNames={"#value": "value"}, ExpressionAttributeValues={":one": {"N": "1"}}, ReturnValues="UPDATED_NEW",
        )  # fmt: skip
        return int(answer["Attributes"]["value"]["N"])

    def _update(
        self, key: Key, changes: dict[str, Any], condition: str, values: dict[str, Any], add: str = ""
    ) -> dict[str, Any] | None:
        """Sets fields where the condition holds; the whole item, or None."""
        changes = {**changes, "revision": self._next()}
        names = {f"#{name}": name for name in changes} | {"#state": "state"}
        bound = {f":set_{name}": _value(value) for name, value in changes.items()} | {
            f":{name}": _value(value) for name, value in values.items()
        }
        sets = ", ".join(f"#{name} = :set_{name}" for name in changes)
        try:
            answer = client("dynamodb").update_item(
                TableName=self.table, Key=_key(key), UpdateExpression=f"SET {sets}{add}", ConditionExpression=condition,
                ExpressionAttributeNames=names, ExpressionAttributeValues=bound, ReturnValues="ALL_NEW",
            )  # fmt: skip
        except Exception as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return None
            raise
        item: dict[str, Any] = answer["Attributes"]
        return item

    def add(self, job: Job) -> Row:
        row = Row(job.experiment_id, job.timestamp, job.kind, "queued", job.model_dump(mode="json"), time.time(), job.campaign)
        row.revision = self._next()
        item = _item(row) | {"feed": {"S": "test" if job.kind == "test" else "all"}, "gpu": {"BOOL": job.needs.gpu}}
        try:
            client("dynamodb").put_item(
                TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(experiment_id)"
            )
        except Exception as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
        found = self.get(*row.key)
        assert found is not None
        if not same_job(found, job):
            raise ExperimentError(f"{job.experiment_id}: expected a new key, found another job of timestamp {job.timestamp}")
        return found

    def get(self, experiment_id: str, timestamp: int | None = None) -> Row | None:
        if timestamp is not None:
            item = (
                client("dynamodb")
                .get_item(TableName=self.table, Key=_key((experiment_id, timestamp)), ConsistentRead=True)
                .get("Item")
            )
            return None if item is None else _row(item)
        found = client("dynamodb").query(
            TableName=self.table, KeyConditionExpression="experiment_id = :name", ScanIndexForward=False, Limit=1, ConsistentRead=True,
            ExpressionAttributeValues={":name": {"S": experiment_id}},
        )["Items"]  # fmt: skip
        return _row(found[0]) if found else None

    def _query(
        self, index: str, name: str, value: str, *, after: int | None = None, limit: int | None = None, gpu: bool | None = None
    ) -> Iterator[dict[str, Any]]:
        condition = f"#{name} = :value"
        bound: dict[str, Any] = {":value": {"S": value}}
        if after is not None:
            condition, bound = condition + " AND revision > :after", {**bound, ":after": {"N": str(after)}}
        options: dict[str, Any] = {} if limit is None else {"Limit": limit}
        if gpu is not None:
            # A limit counts what is read, before the filter.
            options = {"FilterExpression": "gpu = :gpu"}
            bound = {**bound, ":gpu": {"BOOL": gpu}}
        left = limit
        while True:
            page = client("dynamodb").query(
                TableName=self.table, IndexName=index, KeyConditionExpression=condition, ExpressionAttributeNames={f"#{name}": name},
                ExpressionAttributeValues=bound, **options,
            )  # fmt: skip
            yield from page["Items"] if left is None else page["Items"][:left]
            left = None if left is None else left - len(page["Items"])
            if "LastEvaluatedKey" not in page or (left is not None and left <= 0):
                return
            options["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def queued(self, limit: int = 16, *, gpu: bool | None = None) -> list[Key]:
        return [
            (item["experiment_id"]["S"], int(item["timestamp"]["N"]))
            for item in self._query("by_state", "state", "queued", limit=limit, gpu=gpu)
        ]

    def claim(self, key: Key, worker: str) -> Claim | None:
        changes = {"state": "running", "beat": 0, "worker": worker, "started": time.time(), "phase": "received", "phases": "[]"}
        item = self._update(key, changes, "#state = :queued", {"queued": "queued", "one": 1}, " ADD fence :one, claims :one")
        return None if item is None else Claim(*key, int(item["fence"]["N"]), int(item["claims"]["N"]), worker)

    def beat(self, claim: Claim, phase: str, phases: list[dict[str, Any]]) -> bool:
        changes = {"phase": phase, "phases": json.dumps(phases)}
        return self._update(claim.key, changes, _MINE, {**_mine(claim.fence), "one": 1}, " ADD beat :one") is not None

    def finish(self, claim: Claim, state: State, result: dict[str, Any] | None, error: dict[str, Any] | None) -> bool:
        phases = (result or {}).get("phases") or (error or {}).get("phases") or []
        changes = {"state": state, "finished": time.time(), "phases": json.dumps(phases)}
        changes |= {"phase": "shown"} if state == "completed" else {}
        changes |= {
            name: json.dumps(value, allow_nan=False)
            for name, value in (("result", result), ("error", error))
            if value is not None
        }
        return self._update(claim.key, changes, _MINE, _mine(claim.fence)) is not None

    def release(self, claim: Claim, reason: str, *, counted: bool = True) -> State | None:
        if not counted:
            back = self._update(claim.key, {"state": "queued", "claims": claim.claims - 1}, _MINE, _mine(claim.fence))
            return "queued" if back else None
        return self._give_back(claim.key, claim.claims, _MINE, _mine(claim.fence), reason)

    def lapse(self, key: Key, fence: int, beat: int) -> State | None:
        row = self.get(*key)
        if row is None or row.fence != fence:
            return None
        return self._give_back(
            key, row.claims, f"{_MINE} AND beat = :beat", {**_mine(fence), "beat": beat}, "its worker fell silent"
        )

    def _give_back(self, key: Key, claims: int, condition: str, values: dict[str, Any], reason: str) -> State | None:
        state, error = after_claim(claims, reason)
        changes: dict[str, Any] = {"state": state}
        if state in ENDED:
            changes |= {"finished": time.time(), "dead": True, "error": json.dumps(error)}
        return state if self._update(key, changes, condition, values) else None

    def running(self) -> list[Row]:
        return [_row(item) for item in self._query("by_state", "state", "running")]

    def cancel(self, key: Key) -> bool:
        changes = {"state": "cancelled", "finished": time.time()}
        return (
            self._update(key, changes, "#state IN (:queued, :running)", {"queued": "queued", "running": "running"}) is not None
        )

    def page(
        self, states: tuple[State, ...] = (), *, order: str = "created", down: bool = True, text: str = "",
        tests: bool = False, limit: int = 100, offset: int = 0,
    ) -> list[Row]:  # fmt: skip
        if order not in ORDERS:
            raise ExperimentError(f"order: expected one of {', '.join(ORDERS)}, found {order!r}")
        rows = [_row(item) for item in self._query("by_feed", "feed", "test" if tests else "all")]
        rows = [
            row
            for row in rows
            if (not states or row.state in states) and any(text in each for each in (row.experiment_id, row.kind, row.campaign))
        ]

        def place(row: Row) -> tuple[bool, Any]:
            value = getattr(row, order) if hasattr(row, order) else (row.result or {}).get("metrics", {}).get(order)
            return value is not None, value if value is not None else 0

        rows = sorted(sorted(rows, key=lambda row: row.experiment_id), key=place, reverse=down)
        return rows[offset : offset + limit]

    def counts(self) -> dict[str, int]:
        items = [item for state in (*IN_PROGRESS, *ENDED) for item in self._query("by_state", "state", state)]
        return counted((item["state"]["S"], item["kind"]["S"] == "test", item["dead"]["BOOL"], 1) for item in items)

    def changes(self, after: int, limit: int = 200) -> list[Row]:
        found = [
            _row(item) for feed in ("all", "test") for item in self._query("by_feed", "feed", feed, after=after, limit=limit)
        ]
        return sorted(found, key=lambda row: row.revision)[:limit]

    def revision(self) -> int:
        item = client("dynamodb").get_item(TableName=self.table, Key=_key((_COUNTER, 0)), ConsistentRead=True).get("Item")
        return 0 if item is None else int(item["value"]["N"])

    def hello(self, worker: str, told: dict[str, Any]) -> None:
        client("dynamodb").update_item(
            TableName=self.table, Key=_key((f"#worker/{worker}", 0)), UpdateExpression="SET told = :told, feed = :feed, revision = :zero ADD beat :one",
            ExpressionAttributeValues={":told": {"S": json.dumps(told)}, ":feed": {"S": "worker"}, ":one": {"N": "1"}, ":zero": {"N": "0"}},
        )  # fmt: skip

    def goodbye(self, worker: str) -> None:
        client("dynamodb").delete_item(TableName=self.table, Key=_key((f"#worker/{worker}", 0)))

    def workers(self) -> list[dict[str, Any]]:
        items = self._query("by_feed", "feed", "worker")
        found = [
            {"worker": item["experiment_id"]["S"][8:], "beat": int(item["beat"]["N"]), "told": json.loads(item["told"]["S"])}
            for item in items
        ]
        return sorted(found, key=lambda each: str(each["worker"]))

    def open_alert(self, name: str, text: str) -> bool:
        item = _key((f"#alert/{name}", 0)) | {
            name_: _value(value)
            for name_, value in (("text", text), ("opened", time.time()), ("feed", "alert"), ("revision", 0))
        }
        try:
            client("dynamodb").put_item(
                TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(experiment_id)"
            )
        except Exception as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def close_alert(self, name: str) -> bool:
        answer = client("dynamodb").delete_item(TableName=self.table, Key=_key((f"#alert/{name}", 0)), ReturnValues="ALL_OLD")
        return bool(answer.get("Attributes"))

    def alerts(self) -> list[dict[str, Any]]:
        items = self._query("by_feed", "feed", "alert")
        found = [
            {"name": item["experiment_id"]["S"][7:], "text": item["text"]["S"], "opened": float(item["opened"]["N"])}
            for item in items
        ]
        return sorted(found, key=lambda each: float(str(each["opened"])))


def _mine(fence: int) -> dict[str, Any]:
    return {"mine": fence, "running": "running"}


def _key(key: Key) -> dict[str, Any]:
    return {"experiment_id": {"S": key[0]}, "timestamp": {"N": str(key[1])}}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": repr(value)} if isinstance(value, (int, float)) else {"S": str(value)}


def _item(row: Row) -> dict[str, Any]:
    values = row.to_dict()
    return {name: _value(json.dumps(value) if name in _TEXTS else value) for name, value in values.items() if value is not None}


def _row(item: dict[str, Any]) -> Row:
    values: dict[str, Any] = {}
    for name, typed in item.items():
        ((kind, value),) = typed.items()
        values[name] = (
            value if kind in ("S", "BOOL") else float(value) if name in ("created", "started", "finished") else int(value)
        )
    for name in ("feed", "gpu"):
        values.pop(name, None)
    for name in _TEXTS:
        if name in values:
            values[name] = json.loads(values[name])
    return Row(**values)
