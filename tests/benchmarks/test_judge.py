# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The judge over a real HTTP server on this machine: what it is asked, and what counts when its replies are odd."""

import json
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import official_files
import pytest

from transformers_sr3d.cli.main import main
from transformers_sr3d.evaluation.benchmarks import endpoint as endpoint_module
from transformers_sr3d.evaluation.benchmarks.endpoint import KEY_VARIABLE, TRIALS
from transformers_sr3d.evaluation.benchmarks.judge import Judge


LENGTH = {"kind": "width", "question": "How wide?", "answer": "3 feet"}
HOUR = {"kind": "direction", "question": "Where?", "answer": "At 11 o'clock."}
SENSE = {"kind": "left/right", "question": "Is it left?", "answer": "Yes."}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(endpoint_module, "FIRST_PAUSE_S", 0.0)


@pytest.fixture
def endpoint():
    """A server that keeps requests and gives the replies that are put into `replies`, the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "{}")
            self.server.requests.append({"path": self.path, "key": self.headers["Authorization"], **body})
            replies = self.server.replies
            status, content = replies.pop(0) if len(replies) > 1 else replies[0]
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(content.encode())

        do_GET = do_POST  # noqa: N815 (name of the base class)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.replies = [], []
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def reply(content):
    text = content if isinstance(content, str | None) else json.dumps(content)
    return 200, json.dumps({"choices": [{"message": {"content": text}}]})


@pytest.mark.parametrize(
    ("truth", "content", "scores"),
    [
        (LENGTH, {"truth_m": 1.0, "answer_m": 1.1}, (True, True, pytest.approx(0.1 / 1.0001))),
        (LENGTH, {"truth_m": 1.0, "answer_m": 1.5}, (False, True, pytest.approx(0.5 / 1.0001))),
        (LENGTH, {"truth_m": 0.9144, "answer_m": None}, (False, True, None)),
        (LENGTH, {"truth_m": True, "answer_m": True}, (False, True, None)),
        (LENGTH, {"truth_m": -1.0, "answer_m": -1.0}, (False, True, None)),
        (LENGTH, '{"truth_m": NaN, "answer_m": 1e999}', (False, True, None)),
        (LENGTH, {"length": 3}, (False, False, None)),
        (LENGTH, "three feet", (False, False, None)),
        (HOUR, {"truth_hour": 11, "answer_hour": 12}, (True, True)),
        (HOUR, {"truth_hour": 11, "answer_hour": 2}, (False, True)),
        (HOUR, {"truth_hour": 13, "answer_hour": 13}, (False, True)),
        (HOUR, {"truth_hour": 11, "answer_hour": "eleven"}, (False, True)),
        (SENSE, {"mark": 1}, (True, True)),
        (SENSE, '```json\n{"mark": 1}\n```', (True, True)),
        (SENSE, {"mark": 0}, (False, True)),
        (SENSE, {"mark": "1"}, (True, True)),
        (LENGTH, {"truth_m": "1.0", "answer_m": "1.0"}, (True, True, 0.0)),
        (HOUR, {"truth_hour": "11", "answer_hour": "12"}, (True, True)),
        (SENSE, {"mark": [1]}, (False, False)),
        (SENSE, "I think so", (False, False)),
        (SENSE, [1], (False, False)),
        (SENSE, "[" * 200_000, (False, False)),
        (SENSE, None, (False, False)),
    ],
)
def test_replies_are_read(endpoint, truth, content, scores):
    endpoint.replies = [reply(content)]
    found = Judge(endpoint.url, "judge").scores(truth, "some answer")
    assert tuple(found.values()) == scores
    assert tuple(found) == ("judged", "judge_read", "judged_error")[: len(scores)]
    asked = endpoint.requests[0]
    assert asked["path"] == "/v1/chat/completions"
    assert asked["temperature"] == 0
    assert asked["response_format"] == {"type": "json_object"}
    assert truth["answer"] in asked["messages"][1]["content"]
    assert "some answer" in asked["messages"][1]["content"]


def test_a_busy_endpoint_is_asked_again_and_a_refusal_is_not(endpoint):
    endpoint.replies = [(503, ""), (429, ""), reply({"mark": 1})]
    assert Judge(endpoint.url, "judge").scores(SENSE, "yes")["judged"]
    for status in (401, 302):  # a redirection would take the key elsewhere
        endpoint.requests.clear()
        endpoint.replies = [(status, "")]
        with pytest.raises(ConnectionError, match=f"HTTP {status}"):
            Judge(endpoint.url, "judge").scores(SENSE, "yes")
        assert len(endpoint.requests) == 1


def test_an_address_that_cannot_be_is_refused():
    urls = ["file:///etc/passwd", "localhost:8000", "ftp://x", "http://localhost:port/v1", "http://x/v1?key=y"]
    for url in (*urls, "http://x/v1#y", "http://x/v 1", "http://x/\u00fc", "http://a..b/v1"):
        with pytest.raises(ValueError, match=r"--judge-url.* http\(s\) address"):
            Judge(url, "judge")
    with pytest.raises(ConnectionError, match="--judge-url"):
        Judge("http://127.0.0.1:9/v1", "judge").scores(SENSE, "yes")


@pytest.mark.parametrize("body", ["<html>", '{"error": "no such model"}', "[" * 200_000, "", '{"choices": []}'])
def test_what_is_no_such_endpoint_is_refused_and_scores_nothing(endpoint, body):
    endpoint.replies = [(200, body)]
    with pytest.raises(ConnectionError, match="OpenAI-compatible endpoint"):
        Judge(endpoint.url, "judge").scores(SENSE, "yes")


def test_what_speaks_no_http_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            for _ in range(TRIALS):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"SSH-2.0-OpenSSH_9\r\n")

        thread = Thread(target=greet, daemon=True)
        thread.start()
        with pytest.raises(ConnectionError, match="BadStatusLine"):
            Judge(f"http://127.0.0.1:{server.getsockname()[1]}/v1", "judge").scores(SENSE, "yes")
        thread.join()


def test_a_key_with_a_line_end_is_sent_without_it_and_an_odd_one_is_not_shown(endpoint, monkeypatch):
    endpoint.replies = [reply({"mark": 1})]
    monkeypatch.setenv(KEY_VARIABLE, "secret-key\r\n")
    assert Judge(endpoint.url, "judge").scores(SENSE, "yes")["judged"]
    assert endpoint.requests[0]["key"] == "Bearer secret-key"
    for odd in ("secret\nkey", "secret\u00fc"):
        monkeypatch.setenv(KEY_VARIABLE, odd)
        with pytest.raises(ValueError, match="one line of ASCII") as caught:
            Judge(endpoint.url, "judge")
        assert "secret" not in str(caught.value)


def test_what_a_judge_has_said_is_kept(endpoint, tmp_path, capsys):
    endpoint.replies = [reply({"mark": 1, "truth_m": 1, "answer_m": 2, "truth_hour": 1, "answer_hour": 1})] * 3
    endpoint.replies.append((400, ""))
    data = official_files.write_spatial_rgpt(tmp_path / "data")
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"id": str(k), "answer": "nothing"}) + "\n" for k in range(5)))
    call = ["eval", "spatialrgpt-bench", "--data", str(data), "--predictions", str(answers)]
    call += ["--json", str(tmp_path / "out.json"), "--judge-model", "m", "--judge-url", endpoint.url]
    assert main(call) == 2
    assert "the same call goes on" in capsys.readouterr().err
    endpoint.requests.clear()
    endpoint.replies = [reply({"mark": 1})]
    assert main(call) == 0
    assert len(endpoint.requests) == 2
    report = json.loads((tmp_path / "out.json").read_text())
    assert [sample["judged"] for sample in report["samples"]] == [False, False, True, True, True]
    table = {(row["metric"], row["group"]): row["cells"]["model"]["value"] for row in report["rows"]}
    assert table["relative error (judge)", "width"] == pytest.approx(1 / 1.0001)
    assert sorted(path.name for path in tmp_path.glob("out.json*")) == ["out.json"]


def test_the_key_is_sent_and_never_written(endpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(KEY_VARIABLE, "secret-key")
    endpoint.replies = [reply({"mark": 1, "truth_m": 1, "answer_m": 1, "truth_hour": 1, "answer_hour": 1})]
    data = official_files.write_spatial_rgpt(tmp_path / "data")
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"id": str(k), "answer": "nothing"}) + "\n" for k in range(5)))
    call = ["eval", "spatialrgpt-bench", "--data", str(data), "--predictions", str(answers)]
    call += ["--json", str(tmp_path / "out.json"), "--judge-model", "m", "--judge-url"]
    assert main([*call, endpoint.url.replace("//", "//user:password@")]) == 2
    assert main([*call, endpoint.url]) == 0
    assert {request["key"] for request in endpoint.requests} == {"Bearer secret-key"}
    report = json.loads((tmp_path / "out.json").read_text())
    table = {(row["metric"], row["group"]): row["cells"]["model"]["value"] for row in report["rows"]}
    assert table["success (judge)", "all"] == 100.0
    assert table["success (parser)", "all"] == 0.0
    written = capsys.readouterr()
    everything = (tmp_path / "out.json").read_text() + written.out + written.err
    assert "secret-key" not in everything
    assert "user:password" not in everything
    assert report["manifest"]["judge"]["model"] == "m"
