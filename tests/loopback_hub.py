# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A small Hugging Face Hub on the loopback interface: repositories in memory behind the HTTP calls of huggingface_hub.

It speaks what `push_to_hub` and `from_pretrained` use: create, preupload, commit (every file inline, or with `lfs`
weights as LFS objects; xet takes no part), model info, tree, and files by HEAD and GET. Whatever else is asked for is
answered 404 and listed in `unknown_requests`, so that a test sees when the client's protocol grows.

    with LoopbackHub() as hub:
        environment = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": ..., "HF_TOKEN": "hf_loopback"}
"""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


USER = "someone"
# Asked for by the client on the side; it goes on without an answer.
OPTIONAL_REQUESTS = re.compile(r"^(GET|POST) /api/(agent-harnesses|telemetry|resolve-cache).*|^HEAD /api/telemetry.*")


class LoopbackHub:
    """Server with `endpoint`, `repositories` (name -> list of commits) and `unknown_requests`."""

    def __init__(self):
        self.repositories: dict[str, list[dict[str, bytes]]] = {}
        self.private: dict[str, bool] = {}
        self.lfs = False
        self.objects: dict[str, bytes] = {}
        self.refuse: str | None = None  # what a commit is refused with
        self.unknown_requests: list[str] = []
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()

    def be_the_hub(self, monkeypatch) -> None:
        """Answer the clients of this process: huggingface_hub, and the client that transformers keeps once made."""
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", self.endpoint)
        template = f"{self.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("transformers.utils.hub._hf_api", None)
        monkeypatch.setenv("HF_TOKEN", "hf_loopback")

    def files(self, name: str) -> dict[str, bytes]:
        return self.repositories[name][-1]

    def sha(self, name: str) -> str:
        return hashlib.sha1(f"{name}@{len(self.repositories[name])}".encode()).hexdigest()

    def commit(self, name: str, lines: list[dict]) -> None:
        files = dict(self.files(name))
        for line in lines:
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "lfsFile":
                files[line["value"]["path"]] = self.objects[line["value"]["oid"]]
            elif line["key"] == "deletedFile":
                files.pop(line["value"]["path"], None)
            elif line["key"] != "header":
                raise ValueError(f"this hub knows no {line['key']!r}")
        self.repositories[name].append(files)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LoopbackHub
    # method and path -> name of the function that answers; the groups of the path are its arguments
    routes = (
        (r"POST /api/repos/create", "create"),
        (r"POST /api/validate-yaml", "validate"),
        (r"POST /api/models/([^/]+/[^/]+)/preupload/[^/]+", "preupload"),
        (r"POST /api/models/([^/]+/[^/]+)/commit/[^/]+", "commit"),
        (r"GET /api/whoami-v2", "whoami"),
        (r"POST /([^/]+/[^/]+)\.git/info/lfs/objects/batch", "lfs_batch"),
        (r"PUT /lfs/(.+)", "lfs_upload"),
        (r"GET /api/models/([^/]+/[^/]+)(?:/revision/[^/]+)?", "model_info"),
        (r"GET /api/models/([^/]+/[^/]+)/tree/[^/]+/?(.*)", "tree"),
        (r"(?:GET|HEAD) /([^/]+/[^/]+)/resolve/[^/]+/(.+)", "file"),
    )

    def answer(self):
        line = f"{self.command} {unquote(urlsplit(self.path).path)}"
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.requests.append(line)
        for route, name in self.routes:
            if match := re.fullmatch(route, line):
                return getattr(self, name)(*match.groups())
        if not OPTIONAL_REQUESTS.match(line):
            self.hub.unknown_requests.append(line)
        return self.missing("EntryNotFound")

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 (names of the base class)

    def log_message(self, *arguments):
        """Keep the test output clean."""

    def create(self):
        wish = json.loads(self.body)
        name = f"{wish.get('organization') or USER}/{wish['name']}"
        status = 409 if name in self.hub.repositories else 200
        self.hub.repositories.setdefault(name, [{}])
        self.hub.private.setdefault(name, wish.get("visibility") == "private")
        self.json({"url": f"{self.hub.endpoint}/{name}", "id": name}, status)

    def validate(self):
        self.json({"errors": [], "warnings": []})

    def preupload(self, name):
        asked = json.loads(self.body)["files"]
        modes = ["lfs" if self.hub.lfs and file["path"].endswith(".safetensors") else "regular" for file in asked]
        pairs = zip(asked, modes, strict=True)
        self.json(
            {"files": [{"path": file["path"], "uploadMode": mode, "shouldIgnore": False} for file, mode in pairs]}
        )

    def lfs_batch(self, name):
        entries = json.loads(self.body)["objects"]
        for entry in entries:
            if entry["oid"] not in self.hub.objects:
                entry["actions"] = {"upload": {"href": f"{self.hub.endpoint}/lfs/{entry['oid']}"}}
        self.json({"transfer": "basic", "objects": entries})

    def lfs_upload(self, oid):
        self.hub.objects[oid] = self.body
        self.send(200, b"", "application/json", {})

    def commit(self, name):
        if self.hub.refuse is not None:
            return self.send(403, json.dumps({"error": self.hub.refuse}).encode(), "application/json", {})
        with self.hub.lock:
            self.hub.commit(name, [json.loads(line) for line in self.body.splitlines() if line.strip()])
        sha = self.hub.sha(name)
        return self.json({"success": True, "commitOid": sha, "commitUrl": f"{self.hub.endpoint}/{name}/commit/{sha}"})

    def whoami(self):
        self.json({"type": "user", "name": USER, "orgs": [], "auth": {"type": "access_token"}})

    def model_info(self, name):
        if name not in self.hub.repositories:
            return self.missing("RepoNotFound")
        siblings = [{"rfilename": file} for file in self.hub.files(name)]
        return self.json({"id": name, "sha": self.hub.sha(name), "private": False, "tags": [], "siblings": siblings})

    def tree(self, name, folder):
        if name not in self.hub.repositories:
            return self.missing("RepoNotFound")
        entries = [
            {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for file, content in self.hub.files(name).items()
            if file.startswith(folder)
        ]
        return self.json(entries) if entries or not folder else self.missing("EntryNotFound")

    def file(self, name, file):
        if name not in self.hub.repositories:
            return self.missing("RepoNotFound")
        if file not in self.hub.files(name):
            return self.missing("EntryNotFound")
        content = self.hub.files(name)[file]
        headers = {"X-Repo-Commit": self.hub.sha(name), "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
        return self.send(200, content, "application/octet-stream", headers)

    def missing(self, code):
        headers = {"X-Error-Code": code, "X-Error-Message": code}
        self.send(404, json.dumps({"error": code}).encode(), "application/json", headers)

    def json(self, content, status=200):
        self.send(status, json.dumps(content).encode(), "application/json", {})

    def send(self, status, content, kind, headers):
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
