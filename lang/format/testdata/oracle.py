"""Formats sources with the installed black, for the tests to compare with.

Reads requests from standard input until it ends: a line with the number of bytes, then the bytes. Writes one answer
for each: a line with a status and the number of bytes, then the bytes. With the argument "once" each source is
formatted in a single pass; otherwise as the command line does, and the status is one of

    same      nothing to change
    changed   the result follows
    refused   black does not format this file; the reason follows
    unstable  black gives up since a further pass would change the result; what it settles on follows
"""

import sys

import black

MODE = black.Mode()


def once(data):
    return "changed", black._format_str_once(black.decode_bytes(data)[0], mode=MODE).encode()


def command_line(data):
    source, encoding, newline = black.decode_bytes(data)
    result = black.format_str(source, mode=MODE)
    if result == source:
        return "same", b""
    try:
        black.assert_equivalent(source, result)
    except AssertionError as e:
        return "refused", str(e).encode()
    status = "changed"
    for _ in range(8):
        further = black._format_str_once(result, mode=MODE)
        if further == result:
            break
        status, result = "unstable", further
    return status, result.replace("\n", newline).encode(encoding)


def main():
    serve = once if sys.argv[1:] == ["once"] else command_line
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        data = sys.stdin.buffer.read(int(line))
        try:
            status, result = serve(data)
        except Exception as e:
            status, result = "refused", f"{type(e).__name__}: {e}".encode()
        sys.stdout.buffer.write(f"{status} {len(result)}\n".encode() + result)
        sys.stdout.buffer.flush()


main()
