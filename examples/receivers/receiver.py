"""
A receiver of callbacks: verifies each, keeps it once, answers, and works afterwards, in order; catches up at its start.
Python 3.9 or newer, no packages: WEBHOOK_SECRET=whsec_... python3 receiver.py --port 10101 --api http://127.0.0.1:8083
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 16 * 1024 * 1024  # larger bodies are refused
TOLERANCE = 300  # seconds that the clocks may differ; what is older may have been recorded and sent again by somebody
CATCH_UP_EVERY = 60  # seconds

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=10101)
parser.add_argument("--data", default="receiver.db")
parser.add_argument("--api", default="")
options = parser.parse_args()
secret = os.environ.get("WEBHOOK_SECRET", "")
key = base64.b64decode(secret[6:] if secret.startswith("whsec_") else secret)
if not key:
    sys.exit("WEBHOOK_SECRET is not set")

# one connection for all threads, one thread at a time
lock = threading.Lock()
database = sqlite3.connect(options.data, check_same_thread=False, isolation_level=None)
database.row_factory = sqlite3.Row
database.executescript("""
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS events (
        n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, event TEXT NOT NULL,
        reason TEXT, body TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS events_to_do ON events (n) WHERE done = 0;
    CREATE TABLE IF NOT EXISTS bills (
        server_id TEXT, session_id TEXT, stream TEXT, bytes INTEGER, PRIMARY KEY (server_id, session_id));
    CREATE TABLE IF NOT EXISTS mark (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), seq INTEGER NOT NULL);
""")
there_is_work = threading.Event()
there_is_work.set()


def say(line, where=sys.stdout):
    """Writes a line as one piece, since several threads do."""
    where.write(f"{line}\n")
    where.flush()


def handle(event):
    """What your business does. Runs once for each event, in the order of its stream, and is committed with what it changes."""
    body = json.loads(event["body"])
    line = f"{event['seq']} {event['event']} {body.get('stream_name', '')} {body.get('session_id', '')}"
    if event["event"] == "on_sub_stop":
        database.execute(
            "INSERT OR IGNORE INTO bills VALUES (?, ?, ?, ?)",
            (body["server_id"], body["session_id"], body["stream_name"], body["wrote_bytes_sum"]),
        )
        line += f", {body['wrote_bytes_sum']} bytes sent, {event['reason'] or 'reason not known'}"
    say(line)


def is_genuine(headers, body):
    """Standard Webhooks: HMAC-SHA256 of ID.TIMESTAMP.BODY; one of the header's signatures must be ours."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    ours = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    theirs = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(ours, each) for each in theirs)


def keep(event_id, seq, event, reason, body):
    """False: it was here already. It is on the disk when this returns."""
    with lock:
        cursor = database.execute(
            "INSERT OR IGNORE INTO events (id, seq, event, reason, body) VALUES (?, ?, ?, ?, ?)",
            (event_id, seq, event, reason, body),
        )
        return cursor.rowcount > 0


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # so that connections are kept

    def do_POST(self):
        try:
            status = self.take()
        except Exception as error:
            say(f"{self.path}: {error}", sys.stderr)
            status = 503
        self.send_response_only(status)
        self.send_header("content-length", "0")
        self.end_headers()
        if status == 200:
            there_is_work.set()

    def take(self):
        """The answer's status: 2xx is taken, 5xx comes again, anything else is refused for good."""
        length = int(self.headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            return 413
        body = self.rfile.read(length)
        if not is_genuine(self.headers, body):
            return 401
        seq = self.headers.get("millrace-seq")
        # on_update is a snapshot: it has no number, is never sent again, and is not worth keeping
        if seq is not None:
            event = self.path.rsplit("/", 1)[-1]
            keep(self.headers["webhook-id"], int(seq), event, self.headers.get("millrace-reason"), body.decode())
        return 200


def work():
    """Does what is to be done, oldest first. With slow work: a worker for each stream, never two for one."""
    while True:
        there_is_work.wait()
        there_is_work.clear()
        while work_once():
            pass


def work_once():
    with lock:
        event = database.execute("SELECT * FROM events WHERE done = 0 ORDER BY n LIMIT 1").fetchone()
        if event is None:
            return False
        database.execute("BEGIN")
        try:
            handle(event)
            database.execute("UPDATE events SET done = 1 WHERE n = ?", (event["n"],))
            database.execute("COMMIT")
            return True
        except Exception as error:
            database.execute("ROLLBACK")
            say(f"event {event['seq']} waits for another try: {error!r}", sys.stderr)
            return False


def ask_for_events(since):
    request = urllib.request.Request(f"{options.api}/api/notify/events?limit=1000&since={since}")
    if os.environ.get("API_TOKEN"):
        request.add_header("authorization", f"Bearer {os.environ['API_TOKEN']}")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def catch_up():
    """Asks the server for all events since the last time: what came meanwhile, was refused, or was given up."""
    with lock:
        row = database.execute("SELECT seq FROM mark").fetchone()
    mark = row["seq"] if row else 0
    missed = 0
    while True:
        answer = ask_for_events(mark)
        if answer["error_code"] == 1002 and mark > 0:
            mark = 0  # the server has begun a new database, whose numbers start again
            continue
        if answer["error_code"] != 0:
            raise RuntimeError(answer["desp"])
        events = answer["data"]["events"]
        for each in events:
            missed += keep(each["id"], each["seq"], each["event"], None, each["body"])
            mark = each["seq"]
        with lock:
            database.execute("INSERT OR REPLACE INTO mark VALUES (1, ?)", (mark,))
        if not events:
            break
    say(f"caught up with {missed} events")
    there_is_work.set()


def try_to_catch_up():
    if options.api == "":
        return
    try:
        catch_up()
    except Exception as error:
        say(f"cannot catch up: {error}", sys.stderr)


def catch_up_again_and_again():
    while True:
        time.sleep(CATCH_UP_EVERY)
        try_to_catch_up()


# first what was missed, then what comes: so the order holds
try_to_catch_up()
ThreadingHTTPServer.request_queue_size = 128
server = ThreadingHTTPServer(("127.0.0.1", options.port), Receiver)
for task in (work, catch_up_again_and_again):
    threading.Thread(target=task, daemon=True).start()
# from another thread, since the server's own waits in serve_forever
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
say(f"listening on 127.0.0.1:{server.server_address[1]}")
server.serve_forever()
