"""A queue of SQS. Its messages are hints; what it knows of deliveries decides nothing.

The name ends in the version of the protocol, so that workers of another version listen elsewhere; each message says it too.
SQS's own limit of receives is to be set high (units/sqs-queue.json): tries are counted in the store.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from . import ExperimentError
from .aws import client, code_of
from .model import PROTOCOL, Job, job_from
from .queue import Delivery, UnknownProtocol
from .store import Key, Store

_ENDING = f"-v{PROTOCOL}"
_LONG_POLL_S = 20
# Rows that wait although no message comes are looked for at this many empty answers.
_EMPTY = 3


class SqsQueue:
    """See `queue.Queue`. Dead letters go to the queue of the same name with `-dead` after it."""

    def __init__(self, name: str, store: Store, lease: float = 60.0, has_gpu: bool = True) -> None:
        if not name.endswith(_ENDING):
            raise ExperimentError(
                f"queue: expected a name that ends in {_ENDING}, the protocol of this version, found {name!r}"
            )
        self.store, self.lease, self.empty = store, max(1, round(lease)), 0
        self.gpu = None if has_gpu else False
        self.url, self.dead = _url(name), _url(f"{name}-dead")

    def send(self, job: Job) -> None:
        body = {"experiment_id": job.experiment_id, "timestamp": job.timestamp, "protocol": job.protocol}
        client("sqs").send_message(QueueUrl=self.url, MessageBody=json.dumps(body))

    def receive(self, wait: float) -> Delivery | None:
        options = {"MaxNumberOfMessages": 1, "WaitTimeSeconds": min(_LONG_POLL_S, round(wait)), "VisibilityTimeout": self.lease}
        found = client("sqs").receive_message(QueueUrl=self.url, **options).get("Messages", [])
        if not found:
            return self._forgotten()
        self.empty = 0
        receipt, body = found[0]["ReceiptHandle"], found[0]["Body"]
        try:
            told = json.loads(body)
            protocol = told["protocol"]
        except (ValueError, KeyError, TypeError):
            return self._delivery(self._malformed(body), receipt, "a message that is no JSON of a job")
        if protocol != PROTOCOL:
            self._visible(receipt, 0)
            raise UnknownProtocol(f"queue: expected messages of protocol {PROTOCOL}, found {str(protocol)[:40]}")
        key = told.get("experiment_id"), told.get("timestamp")
        if not isinstance(key[0], str) or type(key[1]) is not int or self.store.get(*key) is None:
            return self._delivery(self._malformed(body), receipt, "a message whose job is not in the store")
        return self._delivery((key[0], key[1]), receipt, "")

    def _delivery(self, key: Key, receipt: str, broken: str) -> Delivery:
        def done() -> None:
            client("sqs").delete_message(QueueUrl=self.url, ReceiptHandle=receipt)

        return Delivery(key, lambda: self._visible(receipt, self.lease), done, lambda: self._visible(receipt, 0), broken)

    def _visible(self, receipt: str, seconds: int) -> None:
        try:
            client("sqs").change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
        except Exception as error:
            # The row decides who may finish; a receipt that is no longer valid only means that others hear of it too.
            if code_of(error) not in (
                "MessageNotInflight",
                "ReceiptHandleIsInvalid",
                "AWS.SimpleQueueService.MessageNotInflight",
            ):
                raise

    def _malformed(self, body: str) -> Key:
        """A row that counts the tries of a message that cannot be read."""
        name = f"malformed_{hashlib.sha256(body.encode()).hexdigest()[:32]}"
        row = self.store.get(name, 0)
        if row is None:
            nowhere = {"sha256": "0" * 64}
            row = self.store.add(
                job_from(
                    {"experiment_id": name, "timestamp": 0, "kind": "settings", "clip": nowhere, "notes": {"body": body[:2000]}}
                )
            )
        return row.key

    def _forgotten(self) -> Delivery | None:
        """A row that waits while no message comes: its sender died in between, or the queue was purged."""
        self.empty += 1
        keys = self.store.queued(1, gpu=self.gpu) if self.empty >= _EMPTY else []
        return Delivery(keys[0], _nothing, _nothing, _nothing) if keys else None

    def bury(self, key: Key, reason: str) -> None:
        body = {"experiment_id": key[0], "timestamp": key[1], "protocol": PROTOCOL, "reason": reason[:2000]}
        client("sqs").send_message(QueueUrl=self.dead, MessageBody=json.dumps(body))

    def length(self) -> int:
        """Messages that wait, about."""
        return _length(self.url)

    def dead_length(self) -> int:
        """Dead letters, about."""
        return _length(self.dead)


def _nothing() -> None:
    return None


def _length(url: str) -> int:
    names = ["ApproximateNumberOfMessages"]
    return int(client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]])


def _url(name: str) -> str:
    try:
        url: Any = client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    except Exception as error:
        raise ExperimentError(f"queue: {name}: {code_of(error) or error}; create it, and allow sqs:GetQueueUrl") from None
    return str(url)
