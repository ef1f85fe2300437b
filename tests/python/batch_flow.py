"""Files and batches with the unmodified openai package; prints what it saw as one JSON object.

OPENAI_BASE_URL and OPENAI_API_KEY say where and as whom; the first argument is a model.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import openai

ENDPOINT = "/v1/chat/completions"
TERMINAL = ("completed", "failed", "cancelled", "expired")
MODEL = sys.argv[1]

client = openai.OpenAI(max_retries=0)


def line(custom_id, model=MODEL):
    content = f"The ferry {custom_id} sails at noon."
    body = {"model": model, "messages": [{"role": "user", "content": content}]}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body})


def upload(lines):
    data = "\n".join(lines).encode() + b"\n"
    return client.files.create(file=("lines.jsonl", data), purpose="batch")


def create(file_id):
    return client.batches.create(input_file_id=file_id, endpoint=ENDPOINT, completion_window="24h")


def ended(batch_id):
    for _ in range(1200):
        batch = client.batches.retrieve(batch_id)
        if batch.status in TERMINAL:
            return batch
        time.sleep(0.05)
    raise SystemExit("The batch did not end")


def results(file_id):
    if file_id is None:
        return []
    return [json.loads(each) for each in client.files.content(file_id).text.splitlines()]


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        return error
    raise SystemExit("There was no error")


def whole_flow(seen):
    lines = [line(f"line {i:02}") for i in range(11)]
    lines.insert(4, line("no such model", model="gpt-4o"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requests.jsonl"
        path.write_text("\n".join(lines) + "\n")
        with path.open("rb") as opened:
            file = client.files.create(file=opened, purpose="batch")
    seen["uploaded"] = {name: getattr(file, name) for name in ("object", "purpose", "filename", "status")}
    begun = create(file.id)
    seen["begun"] = {"object": begun.object, "status": begun.status, "total": begun.request_counts.total}
    batch = ended(begun.id)
    counts = batch.request_counts
    seen["ended"] = {
        "status": batch.status,
        "total": counts.total,
        "completed": counts.completed,
        "failed": counts.failed,
    }
    output = results(batch.output_file_id)
    seen["answered"] = sorted(each["custom_id"] for each in output)
    texts = [each["response"]["body"]["choices"][0]["message"]["content"] for each in output]
    seen["texts"] = all("ferry" in text for text in texts)
    seen["failed"] = {each["custom_id"]: each["error"]["code"] for each in results(batch.error_file_id)}
    with client.files.with_streaming_response.content(batch.output_file_id) as response:
        streamed = [json.loads(each) for each in response.iter_lines() if each]
    seen["streamed_is_read"] = streamed == output
    return file


def faults(seen):
    error = failure(lambda: create(upload(["nonsense"]).id))
    kept = client.batches.list(limit=1).data[0]
    seen["faulty"] = {
        "class": type(error).__name__,
        "message": "Line 1 is not valid JSON" in error.message,
        "code": error.code,
        "kept": [kept.status, kept.errors.data[0].message, kept.errors.data[0].line],
    }


def cancelling(seen):
    begun = create(upload([line(f"line {i}") for i in range(300)]).id)
    client.batches.cancel(begun.id)
    batch = ended(begun.id)
    lines = results(batch.output_file_id) + results(batch.error_file_id)
    seen["cancelled"] = {"status": batch.status, "lines": len({each["custom_id"] for each in lines})}
    late = failure(lambda: client.batches.cancel(begun.id))
    seen["late"] = [type(late).__name__, late.code]


def lists(seen, file):
    files = list(client.files.list(limit=1, purpose="batch"))
    batches = list(client.batches.list(limit=1))
    times = [each.id for each in batches]
    seen["paged"] = {
        "files": len(files),
        "batches": len(batches),
        "newest_first": times == sorted(times, reverse=True),
    }
    deleted = client.files.delete(file.id)
    gone = failure(lambda: client.files.retrieve(file.id))
    seen["deleted"] = [deleted.deleted, type(gone).__name__, gone.code]


def refusals(seen):
    missing = failure(lambda: client.batches.retrieve("batch_none"))
    seen["missing"] = [type(missing).__name__, missing.code]
    wrong = failure(lambda: client.files.create(file=("a.jsonl", b"{}"), purpose="fine-tune"))
    seen["purpose"] = [type(wrong).__name__, wrong.code]
    stranger = openai.OpenAI(api_key="sk-none", max_retries=0)
    seen["key"] = type(failure(lambda: stranger.files.list())).__name__


def main():
    seen = {}
    file = whole_flow(seen)
    faults(seen)
    cancelling(seen)
    lists(seen, file)
    refusals(seen)
    print(json.dumps(seen))


main()
