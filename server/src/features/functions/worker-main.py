"""Runs inside a worker process: loads one Python function, then runs its calls one after the other.

The same contract as worker-main.cjs: commands come on file descriptor 3, everything said back goes to descriptor 4.
"""
import importlib.util
import inspect
import json
import os
import resource
import struct
import sys
import time
import traceback

COMMANDS = os.fdopen(3, 'rb', buffering=0)
ANSWERS_FD = 4
LOG_CHARACTERS_PER_CALL = 64 * 1024
LOG_LINE_CHARACTERS = 8 * 1024

call_id = None
log_left = LOG_CHARACTERS_PER_CALL
log_dropped = 0
identity_names = []
main = None


def say(header, body=''):
    head = json.dumps(header).encode()
    payload = body.encode()
    rest = struct.pack('<II', len(head), len(payload)) + head + payload
    while rest:
        rest = rest[os.write(ANSWERS_FD, rest):]


def log(level, text):
    global log_left, log_dropped
    if log_left <= 0:
        log_dropped += len(text)
        return
    line = text[:LOG_LINE_CHARACTERS]
    log_left -= len(line)
    header = {'kind': 'log', 'level': level, 'atMs': int(time.time() * 1000)}
    if call_id is not None:
        header['id'] = call_id
    say(header, line)


class Lines:
    """Stands in for stdout and stderr: each whole line becomes one line of the call's log."""

    encoding = 'utf-8'

    def __init__(self, level):
        self.level = level
        self.pending = ''

    def write(self, text):
        self.pending += text
        *lines, self.pending = self.pending.split('\n')
        for line in lines:
            log(self.level, line)
        return len(text)

    def flush(self):
        if self.pending:
            log(self.level, self.pending)
            self.pending = ''

    def isatty(self):
        return False


def describe(error):
    is_missing = isinstance(error, ModuleNotFoundError)
    return {
        'name': type(error).__name__,
        'message': str(error),
        'code': 'MODULE_NOT_FOUND' if is_missing else '',
        'stack': ''.join(traceback.format_exception(type(error), error, error.__traceback__)[-8:]).strip(),
    }


def memory_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def load(header, _body):
    global main
    try:
        entry = header['entryFile']
        os.environ.update(header['environment'])
        os.chdir(os.path.dirname(entry))
        sys.path.insert(0, os.path.dirname(entry))
        spec = importlib.util.spec_from_file_location('index', entry)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        main = getattr(module, header['exportName'])
        say({'kind': 'loaded'})
    except BaseException as error:  # also SystemExit: the server must hear of it
        say({'kind': 'load-failed', 'error': describe(error)})


def set_identity(environment):
    global identity_names
    for name in identity_names:
        os.environ.pop(name, None)
    identity_names = list(environment)
    os.environ.update(environment)


def run(header, body):
    global call_id, log_left, log_dropped
    call_id = header['id']
    log_left = LOG_CHARACTERS_PER_CALL
    log_dropped = 0
    set_identity(header['environment'])
    try:
        event = json.loads(body)
        if isinstance(event, dict) and header.get('userInfo'):
            event['userInfo'] = header['userInfo']
        context = {**header['context'], 'environment': json.dumps(dict(os.environ))}
        result = main(event, context)
        if inspect.isawaitable(result):
            import asyncio

            result = asyncio.run(result)
        text = json.dumps(result, ensure_ascii=False, separators=(',', ':'))
        end(header, text)
    except Exception as error:
        finish_log()
        say({'kind': 'failed', 'id': call_id, 'error': describe(error), 'memoryBytes': memory_bytes()})
    call_id = None


def end(header, text):
    size = len(text.encode())
    finish_log()
    if size > header['resultLimitBytes']:
        say({'kind': 'too-large', 'id': call_id, 'bytes': size, 'memoryBytes': memory_bytes()})
    else:
        say({'kind': 'done', 'id': call_id, 'hasResult': True, 'memoryBytes': memory_bytes()}, text)


def finish_log():
    sys.stdout.flush()
    sys.stderr.flush()
    if log_dropped:
        global log_left
        log_left = LOG_LINE_CHARACTERS
        log('warn', f'… {log_dropped} more characters')


def read_exactly(count):
    data = b''
    while len(data) < count:
        chunk = COMMANDS.read(count - len(data))
        if not chunk:
            os._exit(0)  # the server is gone: nobody is left to answer to
        data += chunk
    return data


sys.stdout = Lines('info')
sys.stderr = Lines('error')
say({'kind': 'ready'})
while True:
    head_length, body_length = struct.unpack('<II', read_exactly(8))
    command = json.loads(read_exactly(head_length))
    payload = read_exactly(body_length).decode()
    if command['kind'] == 'load':
        load(command, payload)
    elif command['kind'] == 'run':
        run(command, payload)
