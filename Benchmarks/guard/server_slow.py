"""Slow, idle and good callers at one server, by hand: python3 server_slow.py PID PORT PATH [slow] [idle] [seconds]

Opens `slow` connections that send one byte of a header each second and are opened anew when the server ends them, and
`idle` connections that asked once and rest; meanwhile asks well-formed requests one after the other on four connections.
Prints the percentiles of the good ones and the memory of the server (VmRSS of PID) before, at the height and after.
Needs `ulimit -n` above the number of connections and, in the server's configuration, limits of connections above it too.
Standard library only.
"""
import selectors
import socket
import sys
import threading
import time


def memory(pid):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def connect(port):
    # Other addresses of the loopback network, so that no run is short of ports.
    connection = socket.socket()
    connection.settimeout(10)
    connection.connect(("127.0.0.1", port))
    return connection


def slow(port, count, end, ended):
    """Keeps `count` connections that never finish their header."""
    selector = selectors.DefaultSelector()
    held = {}

    def add():
        connection = connect(port)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        connection.setblocking(False)
        held[connection] = time.monotonic()
        selector.register(connection, selectors.EVENT_READ)

    for _ in range(count):
        add()
    while time.monotonic() < end:
        for key, _ in selector.select(0.05):
            connection = key.fileobj
            try:
                data = connection.recv(4096)
            except OSError:
                data = b""
            if not data:
                selector.unregister(connection)
                connection.close()
                ended.append(time.monotonic() - held.pop(connection))
                if time.monotonic() < end - 1:
                    add()
        for connection, since in list(held.items()):
            if (time.monotonic() - since) % 1 < 0.05:
                try:
                    connection.send(b"X")
                except OSError:
                    pass
    for connection in held:
        connection.close()


def good(port, path, end, times, statuses):
    """Asks one request after the other."""
    connection = connect(port)
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    while time.monotonic() < end:
        start = time.monotonic()
        connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                break
            data += part
        times.append(time.monotonic() - start)
        statuses.append(data[9:12].decode())
        if not data:
            connection = connect(port)
        time.sleep(0.002)
    connection.close()


def main():
    pid, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    slow_count, idle_count = (int(word) for word in (sys.argv[4:6] + ["2000", "10000"][len(sys.argv[4:6]):]))
    seconds = float(sys.argv[6]) if len(sys.argv) > 6 else 20
    before = memory(pid)
    idle = []
    for _ in range(idle_count):
        connection = connect(port)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        connection.recv(4096)
        idle.append(connection)
    print(f"memory before {before:.0f} MiB, with {idle_count} idle connections {memory(pid):.0f} MiB")
    end = time.monotonic() + seconds
    ended, times, statuses = [], [], []
    threads = [threading.Thread(target=slow, args=(port, slow_count, end, ended))] if slow_count else []
    threads += [threading.Thread(target=good, args=(port, path, end, times, statuses)) for _ in range(4)]
    for thread in threads:
        thread.start()
    height = 0.0
    while time.monotonic() < end:
        height = max(height, memory(pid))
        time.sleep(0.25)
    for thread in threads:
        thread.join()
    times.sort()
    shares = {share: times[min(len(times) - 1, int(share * len(times)))] * 1000 for share in (0.5, 0.99, 0.999)}
    print(f"{slow_count} slow connections, {len(ended)} ended by the server"
          + (f" after {min(ended):.1f} to {max(ended):.1f} s" if ended else ""))
    print(f"{len(times)} good requests, statuses {sorted(set(statuses))}, "
          + ", ".join(f"p{share * 100:g} {value:.1f} ms" for share, value in shares.items()))
    for connection in idle:
        connection.close()
    time.sleep(2)
    print(f"memory at the height {height:.0f} MiB, afterwards {memory(pid):.0f} MiB")


main()
