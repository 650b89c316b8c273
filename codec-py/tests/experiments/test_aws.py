"""The parts for AWS against a server of its interfaces: a queue that is a hint, artefacts written once, alerts that arrive."""

from __future__ import annotations

import json
import os
import time

import pytest
from .conftest import fixture, new_queue, new_table, until
from neural_codec.experiments import ExperimentError, aws
from neural_codec.experiments.artefacts import hash_of
from neural_codec.experiments.queue import UnknownProtocol
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 40}}}


@pytest.fixture
def cloud(amazon, services):
    """Services whose parts are all in the cloud."""
    bucket = f"bucket-{time.time_ns()}"
    aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    given = {
        "store": f"dynamodb://{new_table()}",
        "queue": f"sqs://{new_queue()}",
        "artefacts": f"s3://{bucket}/kept",
        "buckets": [bucket],
    }
    return lambda **more: services(**{**given, **more})


def messages(opened) -> tuple[int, int]:
    """Messages of the queue that nobody holds, and dead letters."""
    return opened.queue.length(), opened.queue.dead_length()


def test_a_job_goes_through_the_cloud_and_its_message_goes_last(cloud, small_clip):
    opened = cloud()
    opened.submit(job_of({"experiment_id": "a", **SETTINGS}))
    assert messages(opened) == (1, 0)
    Worker(opened).run(until_empty=True)
    row = opened.store.get("a")
    assert row.state == "completed" and row.result["clip"]["sha256"] == hash_of(small_clip)
    stream = b"".join(opened.artefacts.read(row.result["artefacts"]["stream"]["sha256"]))
    assert len(stream) == row.result["metrics"]["bytes"] and messages(opened) == (0, 0)


@pytest.mark.parametrize("times", [2, 10])
def test_a_message_that_comes_again_gives_one_result_and_artefacts_once(cloud, monkeypatch, times):
    opened, written = cloud(), []
    job = job_of({"experiment_id": "a", **SETTINGS})
    opened.submit(job)
    for _ in range(times - 1):
        opened.queue.send(job)
    put = opened.artefacts.put
    monkeypatch.setattr(opened.artefacts, "put", lambda path: written.append(path.name) or put(path))
    worker = Worker(opened)
    worker.run(until_empty=True)
    assert worker.finished == 1 and opened.store.get("a").claims == 1 and messages(opened) == (0, 0)
    assert sorted(written) == sorted(set(written)) and "stream.nvc" in written


@pytest.mark.parametrize(
    "body", ["not JSON", "[]", '{"experiment_id": "a"}', '{"protocol": 2, "experiment_id": "gone", "timestamp": 7}']
)
def test_a_poison_message_is_a_dead_letter_after_three_tries_and_others_go_on(cloud, body):
    opened = cloud()
    aws.client("sqs").send_message(QueueUrl=opened.queue.url, MessageBody=body)
    opened.submit(job_of({"experiment_id": "good", "type": "test"}))
    Worker(opened).run(until_empty=True)
    assert opened.store.get("good").state == "completed" and messages(opened) == (0, 1)
    (dead,) = opened.store.page(("failed",))
    assert dead.dead and dead.claims == 3
    assert [each["name"] for each in opened.store.alerts()] == [f"poison job: {dead.experiment_id}"]


def test_a_message_of_another_protocol_stays_and_the_worker_stops(cloud):
    opened = cloud()
    later = {"protocol": 3, "experiment_id": "later", "timestamp": 1}
    aws.client("sqs").send_message(QueueUrl=opened.queue.url, MessageBody=json.dumps(later))
    for _ in range(4):
        with pytest.raises(UnknownProtocol, match="3"):
            Worker(cloud()).run(until_empty=True)
    until(lambda: messages(opened) == (1, 0))
    with pytest.raises(ExperimentError, match="-v2"):
        cloud(queue="sqs://jobs-v3")


def test_a_lease_is_extended_while_a_job_runs(cloud, monkeypatch):
    opened = cloud(lease_s=1.0, beat_s=0.2)
    opened.submit(job_of({"experiment_id": "slow", "type": "test"}))
    monkeypatch.setattr("neural_codec.experiments.worker.run", lambda run, folder: time.sleep(2.5) or {})
    other, found = cloud(), []
    worker = Worker(opened)
    import threading

    thread = threading.Thread(target=lambda: worker.run(until_empty=True))
    thread.start()
    until(lambda: worker.current)
    while worker.current:
        found.append(other.queue.receive(0))
        time.sleep(0.1)
    thread.join()
    assert found and not any(found) and opened.store.get("slow").claims == 1


def test_a_store_that_cannot_be_written_keeps_the_message(cloud, monkeypatch):
    opened = cloud()
    opened.submit(job_of({"experiment_id": "a", "type": "test"}))
    worker, finish = Worker(opened), opened.store.finish
    failed = []

    def refuse(*given):
        if not failed:
            failed.append(1)
            raise OSError("the table is away")
        return finish(*given)

    monkeypatch.setattr(opened.store, "finish", refuse)
    delivery = opened.queue.receive(0)
    with pytest.raises(OSError, match="away"):
        worker._take(delivery)
    assert opened.store.get("a").state == "running"
    # Nobody beats any more: the lease lapses, the message comes again, and the job is done.
    Worker(opened, "next").run_until(lambda: opened.store.get("a").state == "completed")
    assert opened.store.get("a").claims == 2


def test_a_row_without_a_message_is_found_all_the_same(cloud):
    opened = cloud()
    opened.store.add(job_of({"experiment_id": "a", "type": "test"}))
    Worker(opened).run_until(lambda: opened.store.get("a").state == "completed")


def test_a_message_of_a_job_that_needs_a_gpu_costs_a_worker_without_one_no_try(cloud, monkeypatch):
    opened = cloud()
    opened.submit(job_of({"experiment_id": "needs", **SETTINGS, "needs": {"gpu": True}}))
    opened.submit(job_of({"experiment_id": "any", "type": "test"}))
    Worker(opened).run(until_empty=True)
    row = opened.store.get("needs")
    assert opened.store.get("any").state == "completed" and row.state == "queued" and row.claims == 0
    monkeypatch.setattr("neural_codec.experiments.services.has_gpu", lambda: True)
    monkeypatch.setattr("neural_codec.experiments.worker.run", lambda run, folder: {})
    Worker(cloud()).run_until(lambda: opened.store.get("needs").state == "completed")


def test_artefacts_are_written_once_and_read_back(cloud, tmp_path):
    opened = cloud()
    path = tmp_path / "file"
    path.write_bytes(b"kept" * 1000)
    sha256 = opened.artefacts.put(path)
    assert opened.artefacts.put(path) == sha256 and opened.artefacts.size(sha256) == 4000
    assert b"".join(opened.artefacts.read(sha256)) == path.read_bytes() and opened.artefacts.size("0" * 64) is None
    with pytest.raises(ExperimentError, match="no such artefact"):
        opened.artefacts.read("0" * 64)
    with pytest.raises(ExperimentError, match="hexadecimal"):
        opened.artefacts.size("../../etc/passwd")


def test_a_clip_of_a_bucket_is_fetched_once(cloud, small_clip, monkeypatch):
    opened = cloud()
    bucket = opened.config.buckets[0]
    aws.client("s3").upload_file(str(small_clip), bucket, "clips/small.nvc")
    uri = {"uri": f"s3://{bucket}/clips/small.nvc"}
    for name in "ab":
        opened.submit(job_of({"experiment_id": name, **SETTINGS, "clip": uri}))
    fetched, download = [], aws.client("s3").download_file
    monkeypatch.setattr(aws.client("s3"), "download_file", lambda *given: fetched.append(given) or download(*given))
    Worker(opened).run(until_empty=True)
    assert [opened.store.get(name).state for name in "ab"] == ["completed"] * 2 and len(fetched) == 1
    opened.submit(job_of({"experiment_id": "c", **SETTINGS, "clip": {"uri": "s3://other-bucket/x"}}))
    opened.stopping.clear()
    Worker(opened).run(until_empty=True)
    assert "bucket" in opened.store.get("c").error["message"]


def test_an_artefact_that_no_single_request_takes_is_kept_in_parts(cloud, tmp_path, monkeypatch):
    opened, s3 = cloud(), aws.client("s3")
    put, most = s3.put_object, 9 << 20

    def limited(**given):
        body = given["Body"]
        assert (len(body) if hasattr(body, "__len__") else os.fstat(body.fileno()).st_size) <= most, "EntityTooLarge"
        return put(**given)

    monkeypatch.setattr(s3, "put_object", limited)
    for size in (1000, 20 << 20):
        path = tmp_path / f"video{size}"
        path.write_bytes(bytes(range(250)) * (size // 250))
        sha256 = opened.artefacts.put(path)
        assert opened.artefacts.size(sha256) == path.stat().st_size
        assert b"".join(opened.artefacts.read(sha256)) == path.read_bytes()


@pytest.mark.parametrize(("code", "claims"), [("SlowDown", 2), ("404", 1), ("403", 1)])
def test_a_bucket_that_is_away_costs_a_try_and_a_clip_that_is_none_the_job(cloud, small_clip, monkeypatch, code, claims):
    from botocore.exceptions import ClientError

    opened = cloud()
    bucket, s3 = opened.config.buckets[0], aws.client("s3")
    s3.upload_file(str(small_clip), bucket, "clips/small.nvc")
    head, refused = s3.head_object, []

    def refuse(**given):
        if given["Key"] == "clips/small.nvc" and not refused:
            refused.append(code)
            raise ClientError({"Error": {"Code": code}}, "HeadObject")
        return head(**given)

    monkeypatch.setattr(s3, "head_object", refuse)
    opened.submit(job_of({"experiment_id": "a", **SETTINGS, "clip": {"uri": f"s3://{bucket}/clips/small.nvc"}}))
    Worker(opened).run(until_empty=True)
    row = opened.store.get("a")
    assert row.claims == claims and row.state == ("completed" if claims == 2 else "failed")
    assert claims == 2 or code in row.error["message"]


def test_alerts_arrive_at_sns_and_cloudwatch_once_each(cloud):
    topic = aws.client("sns").create_topic(Name="alerts")["TopicArn"]
    inbox = new_queue()
    url = aws.client("sqs").get_queue_url(QueueName=inbox)["QueueUrl"]
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    opened = cloud(sns_topic=topic, cloudwatch_namespace="Experiments")
    watch = Worker(opened).watch
    for _ in range(3):
        watch.tell("disk full", "1 MiB")
    for _ in range(2):
        watch.end("disk full")
    found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    told = [json.loads(json.loads(each["Body"])["Message"]) for each in found]
    assert sorted((each["alert"], each["state"]) for each in told) == [("disk full", "open"), ("disk full", "over")]
    assert {each["MetricName"] for each in aws.client("cloudwatch").list_metrics(Namespace="Experiments")["Metrics"]} == {
        "disk full"
    }


def test_the_doctor_finds_all_of_the_cloud_well_and_names_what_is_missing(cloud):
    from neural_codec.experiments.doctor import examine

    opened = cloud()
    findings = {each.name: each for each in examine(opened.config, worker=False)}
    for name in ("store", "queue", "artefacts", "clock"):
        assert findings[name].ok, findings[name]
    broken = opened.config.model_copy(update={"queue": "sqs://nowhere-v2"})
    finding = {each.name: each for each in examine(broken, worker=False)}["queue"]
    assert not finding.ok and "nowhere-v2" in finding.found and finding.remedy


def test_old_formats_go_through_the_cloud(cloud, sandbox):
    opened = cloud()
    opened.submit(job_of(fixture("v1.json")))
    Worker(opened).run(until_empty=True)
    assert opened.store.get("exp_1760732627").state == "completed"
