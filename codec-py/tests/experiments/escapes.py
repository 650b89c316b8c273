"""What jailed code must not be able to do. Each text is the body of a function that returns what it reached, or nothing.

`libc.syscall` is tried by number beside the ways of Python's library, as code may bring its own.
"""

from __future__ import annotations

import textwrap

PRELUDE = """
import ctypes, os, sys, errno, resource, signal, time, platform
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
def call(x86, arm, *arguments):
    result = libc.syscall(ctypes.c_long(x86 if X86 else arm), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return result >= 0
def can(work):
    try:
        return work() or "done"
    except (OSError, ValueError, ImportError, PermissionError, MemoryError, RuntimeError):
        return None
def written(path, data=b"x"):
    def work():
        with open(path, "wb") as file:
            file.write(data)
        return path
    return can(work)
"""

PROBES: dict[str, str] = {
    "reads_users_of_the_host": "return can(lambda: open('/etc/passwd').read())",
    "reads_passwords_of_the_host": "return can(lambda: open('/etc/shadow').read())",
    "reads_the_name_of_the_host": "return can(lambda: open('/etc/hostname').read())",
    "lists_homes": "return [p for p in ('/home', '/root', '/work', '/mnt', '/srv', '/var', '/run', '/opt', '/boot', '/sys') if os.path.exists(p)]",
    "reads_the_tests": "return can(lambda: open(SECRET_FILE).read())",
    "reads_the_environment_of_the_worker": "return 'SECRET_TOKEN' in str(dict(os.environ))",
    "reads_the_environment_of_its_parents": (
        "return [p for p in os.listdir('/proc') if p.isdigit() and can(lambda: b'SECRET_TOKEN' in open(f'/proc/{p}/environ', 'rb').read() or None) == True]"
    ),
    "sees_processes_of_the_host": "return len([p for p in os.listdir('/proc') if p.isdigit()]) > 4",
    "holds_open_files_of_the_worker": (
        "return [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if int(n) > 2 and os.path.exists(f'/proc/self/fd/{n}')"
        " and not os.readlink(f'/proc/self/fd/{n}').startswith(('pipe:', '/proc/'))]"
    ),
    "finds_a_shell": "return [p for p in ('/bin/sh', '/usr/bin/sh', '/bin/bash', '/usr/bin/env', '/usr/bin/python3') if os.path.exists(p)]",
    "connects_by_tcp": "import socket\nreturn can(lambda: socket.create_connection(('127.0.0.1', 22), 1))",
    "sends_by_udp": "import socket\nreturn can(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53)))",
    "opens_a_socket_of_unix": "import socket\nreturn can(lambda: socket.socket(socket.AF_UNIX))",
    "opens_a_raw_socket": "import socket\nreturn can(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))",
    "opens_netlink": "import socket\nreturn can(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))",
    "resolves_names": "import socket\nreturn can(lambda: socket.getaddrinfo('example.org', 80))",
    "opens_a_socket_by_number": "return call(41, 198, 2, 1, 0)",
    "writes_to_the_root": "return written('/x')",
    "writes_to_libraries": "return written('/usr/lib/x') or written('/python/lib/x') or written('/packages/x') or written('/in/x')",
    "changes_its_own_harness": "return written('/child.py') or can(lambda: os.chmod('/child.py', 0o777)) or can(lambda: os.remove('/child.py'))",
    "writes_to_devices": "return written('/dev/x') or written('/dev/shm/x')",
    "writes_the_core_pattern": "return written('/proc/sys/kernel/core_pattern', b'|/tmp/x')",
    "reads_settings_of_the_kernel": "return os.listdir('/proc/sys')",
    "triggers_sysrq": "return written('/proc/sysrq-trigger', b'h')",
    "reads_the_kernels_log": "return can(lambda: open('/dev/kmsg').read(1)) or call(103, 116, 3, ctypes.create_string_buffer(64), 64)",
    "reads_memory_of_the_machine": "return can(lambda: open('/dev/mem', 'rb').read(1)) or can(lambda: open('/proc/kcore', 'rb').read(64))",
    "finds_disks": "return [d for d in os.listdir('/dev') if d.startswith(('sd', 'vd', 'nvme', 'loop', 'kvm', 'fuse', 'dm-', 'mapper', 'nvidia'))]",
    "makes_a_device": "return can(lambda: os.mknod('/tmp/d', 0o60600, os.makedev(8, 0))) or can(lambda: os.mknod('/tmp/n', 0o20600, os.makedev(1, 3)))",
    "mounts": "return call(165, 40, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "unmounts": "return call(166, 39, b'/proc', 2) or call(166, 39, b'/proc/sys', 2)",
    "mounts_the_new_way": "return call(430, 430, b'tmpfs', 0) or call(428, 428, -100, b'/', 1)",
    "changes_its_root": "return can(lambda: os.chroot('/tmp')) or call(155, 41, b'/tmp', b'/tmp')",
    "unshares_users": "return call(272, 97, 0x10000000) or call(272, 97, 0x20000) or call(272, 97, 0x40000000)",
    "clones_into_a_namespace": "return call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)",
    "clones_by_clone3": (
        "a = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17, 0, 0, 0)\nreturn call(435, 435, a, 64)"
    ),
    "enters_a_namespace": (
        "return [n for n in ('net', 'user', 'mnt', 'pid') if os.access(f'/proc/1/ns/{n}', os.R_OK) and call(308, 268, os.open(f'/proc/1/ns/{n}', 0), 0)]"
    ),
    "becomes_root": "return can(lambda: os.setuid(0)) or can(lambda: os.setresuid(0, 0, 0)) or can(lambda: os.setgid(0)) or can(lambda: os.setgroups([0]))",
    "is_root": "return 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid(), *os.getgroups())",
    "has_capabilities": "return [l for l in open('/proc/self/status') if l.startswith(('CapPrm', 'CapEff', 'CapAmb')) and int(l.split()[1], 16)]",
    "gains_rights_by_exec": "return [l for l in open('/proc/self/status') if l.startswith('NoNewPrivs') and l.split()[1] != '1']",
    "is_unfiltered": "return [l for l in open('/proc/self/status') if l.startswith('Seccomp:') and l.split()[1] != '2']",
    "raises_its_limits": (
        "return [n for n in ('RLIMIT_AS', 'RLIMIT_NPROC', 'RLIMIT_CPU', 'RLIMIT_FSIZE')"
        " if can(lambda: resource.setrlimit(getattr(resource, n), (resource.RLIM_INFINITY,) * 2))]"
    ),
    "raises_its_priority": "return can(lambda: os.nice(-10) < 0 or None) or can(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))",
    "traces": "return call(101, 117, 16, 1, 0, 0) or call(101, 117, 0, 0, 0, 0)",
    "reads_memory_of_others": "return can(lambda: open('/proc/1/mem', 'rb').read(1)) or call(310, 270, 1, 0, 0, 0, 0, 0)",
    "signals_others": "return can(lambda: os.kill(-1, 18))",
    "loads_bpf": "return call(321, 280, 0, 0, 0)",
    "opens_perf": "return call(298, 241, 0, 0, -1, -1, 0)",
    "sets_up_io_uring": "return call(425, 425, 8, ctypes.create_string_buffer(256))",
    "watches_page_faults": "return call(323, 282, 0)",
    "uses_keys_of_the_kernel": "return call(250, 219, 0, -3, 1) or call(248, 217, b'user', b'x', b'y', 1, -3)",
    "opens_by_handle": "return call(304, 265, -100, ctypes.create_string_buffer(64), 0)",
    "changes_personality": "return call(135, 92, 0x0040000)",
    "makes_files_of_memory": "return can(lambda: os.memfd_create('x'))",
    "leaves_shared_memory": "return call(29, 194, 1234, 4096, 0o1666)",
    "sets_the_clock": "return can(lambda: time.clock_settime(time.CLOCK_REALTIME, 0))",
    "renames_the_machine": "import socket\nreturn can(lambda: socket.sethostname('x'))",
    "restarts_the_machine": "return call(169, 142, 0xfee1dead, 672274793, 0, 0)",
    "loads_a_module": "return call(313, 273, 0, b'', 0)",
    "types_into_a_terminal": "import fcntl\nreturn can(lambda: fcntl.ioctl(os.open('/dev/tty', os.O_RDWR), 0x5412, b'x'))",
    "watches_files": "return call(253, 26, 0) or call(294, 26, 0) or call(300, 262, 0, 0)",
    "makes_a_fifo": "return can(lambda: os.mkfifo('/tmp/fifo'))",
    "makes_a_giant_file_of_holes": "return can(lambda: os.truncate(os.open('/tmp/holes', os.O_CREAT | os.O_RDWR), 1 << 40))",
    "writes_through_its_memory_what_is_read_only": (
        "import mmap\nwith open('/child.py', 'rb') as file:\n    seen = mmap.mmap(file.fileno(), 4096, mmap.MAP_SHARED, mmap.PROT_READ)\n"
        "where = int(next(line for line in open('/proc/self/maps') if '/child.py' in line).split('-')[0], 16)\n"
        "def work():\n    with open('/proc/self/mem', 'r+b', 0) as memory:\n        memory.seek(where)\n        memory.write(b'X' * 8)\n"
        "can(work)\nreturn open('/child.py', 'rb').read(8) == b'X' * 8"
    ),
    "executes_what_lies_in_memory": "return call(319, 279, b'x', 0) or call(447, 447, 0)",
    "pairs_sockets_of_any_kind": "two = (ctypes.c_int * 2)()\nreturn [f for f in (1, 2, 16, 17, 38, 40, 44) if call(53, 199, f, 1, 0, two) or call(41, 198, f, 1, 0)]",
    "walks_the_root_of_its_parents": (
        "return [p for p in os.listdir('/proc') if p.isdigit() and can(lambda: os.path.exists(f'/proc/{p}/root/etc/passwd') or os.path.exists(f'/proc/{p}/cwd/etc/passwd'))"
        " == True]"
    ),
    "calls_what_is_newer_than_the_filter": (
        "def new(n):\n    ctypes.set_errno(0)\n    return libc.syscall(ctypes.c_long(n), *[ctypes.c_long(-1)] * 6) >= 0 or ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM)\n"
        "return [n for n in range(449, 600) if new(n)]"
    ),
    "calls_by_the_door_of_32_bits": (
        "import mmap\nif not X86:\n    return None\nplace = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "place.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))\nfound = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(place)))()\n"
        "return found > 0 and f'is process {found}'"
    ),
    "changes_limits_of_others": "return can(lambda: resource.prlimit(1, resource.RLIMIT_NPROC, (1, 1)))",
    "types_into_what_it_inherited": "import fcntl\nreturn [n for n in range(3) if can(lambda: fcntl.ioctl(n, 0x5412, b'x'))]",
    "leaves_links_in_what_it_was_given": (
        "return [d for d in ('/', '/in', '/packages', '/usr/lib', '/dev') if can(lambda: os.symlink('/etc/passwd', d + '/link'))]"
        " or can(lambda: os.link('/child.py', '/tmp/child'))"
    ),
    "holds_a_handle_of_others": "return call(434, 434, 1, 0) or call(438, 438, 0, 0, 0) or call(448, 448, 0, 0)",
    "asks_for_quotas": "return [e for e in [libc.syscall(ctypes.c_long(443), *[ctypes.c_long(0)] * 4), ctypes.get_errno()][1:] if e != errno.EPERM]",
    "finds_packages_that_were_not_offered": (
        "import glob, sys\nfolders = glob.glob('/python/lib/*/*-packages') + glob.glob('/usr/lib*/python*/*-packages')\n"
        "offered = ('neural_codec', 'numpy', 'av', 'cv2', 'torch')\nleft = [n for n in os.listdir('/packages') if not n.startswith(offered)]\n"
        "return [d for d in folders if os.listdir(d)] or left or can(lambda: __import__('pytest').__file__)"
    ),
    "fills_the_folders_of_packages": (
        "import glob\nreturn [d for d in glob.glob('/python/lib/*/*-packages') + glob.glob('/usr/lib*/python*/*-packages') + ['/packages']"
        " if written(d + '/x') or can(lambda: os.chmod(d, 0o777))]"
    ),
    "fills_the_disk": (
        "def work():\n    for n in range(64):\n        with open(f'/tmp/{n}', 'wb') as file:\n            for _ in range(8):\n"
        "                file.write(bytes(1 << 20))\n    return 'wrote half a gigabyte'\nreturn can(work)"
    ),
    "takes_memory": "return can(lambda: len(bytearray(700 << 20)))",
    "opens_many_files": "return can(lambda: len([os.open('/dev/null', 0) for _ in range(200)]))",
    "forks_many": (
        "children = []\ntry:\n    for _ in range(100):\n        child = os.fork()\n        if child == 0:\n            time.sleep(30); os._exit(0)\n"
        "        children.append(child)\nexcept OSError:\n    pass\nfor child in children:\n    os.kill(child, 9)\n    os.waitpid(child, 0)\nreturn len(children) > 20"
    ),
    "starts_many_threads": (
        "import threading\ndone, many = threading.Event(), []\ntry:\n    for _ in range(100):\n        thread = threading.Thread(target=done.wait)\n"
        "        thread.start(); many.append(thread)\nexcept RuntimeError:\n    pass\ndone.set()\nreturn len(many) > 20"
    ),
}  # fmt: skip


def code_of(body: str, secret_file: str = "/nowhere") -> str:
    """A probe as an agent's code."""
    text = textwrap.indent(body, "    ")
    return f"{PRELUDE}\nSECRET_FILE = {secret_file!r}\ndef decide(profiles, target, probe):\n    return [repr(found)[:200] if (found := attempt()) else '']\ndef attempt():\n{text}\n"
