"""Records beside the experiments in a table of DynamoDB: items of their own, whose names no experiment can have."""

from __future__ import annotations

import json
from typing import Any

from .aws import client, code_of
from .store import StoredRecord


class DynamoRecords:
    """The part of `store.Store` that keeps records."""

    table: str

    def keep(self, group: str, name: str, value: dict[str, Any]) -> bool:
        return self._put(StoredRecord(group, name, value, 1), "attribute_not_exists(experiment_id)", {})

    def change(self, kept: StoredRecord, value: dict[str, Any]) -> bool:
        changed = StoredRecord(kept.group, kept.name, value, kept.version + 1)
        return self._put(changed, "version = :version", {":version": {"N": str(kept.version)}})

    def _put(self, kept: StoredRecord, condition: str, values: dict[str, Any]) -> bool:
        item = _key(kept.group, kept.name) | {
            "feed": {"S": _feed(kept.group)}, "revision": {"N": "0"}, "name": {"S": kept.name},
            "value": {"S": json.dumps(kept.value, allow_nan=False)}, "version": {"N": str(kept.version)},
        }  # fmt: skip
        bound = {"ExpressionAttributeValues": values} if values else {}
        try:
            client("dynamodb").put_item(TableName=self.table, Item=item, ConditionExpression=condition, **bound)
        except Exception as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def kept(self, group: str, name: str) -> StoredRecord | None:
        found = client("dynamodb").get_item(TableName=self.table, Key=_key(group, name), ConsistentRead=True).get("Item")
        return None if found is None else _kept(group, found)

    def all_kept(self, group: str) -> list[StoredRecord]:
        options: dict[str, Any] = {"ExpressionAttributeValues": {":feed": {"S": _feed(group)}}}
        found: list[StoredRecord] = []
        while True:
            page = client("dynamodb").query(
                TableName=self.table, IndexName="by_feed", KeyConditionExpression="feed = :feed", **options
            )
            found += [_kept(group, item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return sorted(found, key=lambda each: each.name)
            options["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _feed(group: str) -> str:
    return f"record/{group}"


def _key(group: str, name: str) -> dict[str, Any]:
    return {"experiment_id": {"S": f"#record/{group}/{name}"}, "timestamp": {"N": "0"}}


def _kept(group: str, item: dict[str, Any]) -> StoredRecord:
    return StoredRecord(group, item["name"]["S"], json.loads(item["value"]["S"]), int(item["version"]["N"]))
