"""The system calls that jailed code is refused, as a program of classic BPF for bubblewrap's `--seccomp`.

Numbers: Linux's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (aarch64).
"""

from __future__ import annotations

import errno
import platform
import struct

from . import ExperimentError

# name: (x86_64, aarch64); None where the machine has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # Networks, and sockets of any kind.
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    # Other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    # Mounts and namespaces.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "quotactl": (179, 60), "swapon": (167, 224), "swapoff": (168, 225),
    # Large parts of the kernel that nobody here needs.
    "bpf": (321, 280), "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "userfaultfd": (323, 282), "fanotify_init": (300, 262), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "personality": (135, 92), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "syslog": (103, 116), "acct": (163, 89), "vhangup": (153, 58), "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42), "ioperm": (173, None), "iopl": (172, None), "modify_ldt": (154, None),
    # The machine itself.
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
    # Devices and files with rights.
    "mknod": (133, None), "mknodat": (259, 33),
    # What others do with files that both can read.
    "inotify_init": (253, None), "inotify_init1": (294, 26), "quotactl_fd": (443, 443), "process_mrelease": (448, 448),
    # Shared memory and queues that outlive a process.
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
}  # fmt: skip
# (architecture's audit number, clone, clone3, prlimit64, column above), include/uapi/linux/audit.h.
_MACHINES = {"x86_64": (0xC000003E, 56, 435, 302, 0), "aarch64": (0xC00000B7, 220, 435, 261, 1)}
# Calls from here on came with Linux 5.16 and later, or are yet to come: libraries do without them.
_NEWER = 449
# CLONE_NEW{TIME, NS, CGROUP, UTS, IPC, USER, PID, NET}, include/uapi/linux/sched.h.
_NEW_NAMESPACES = 0x80 | 0x20000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16


def program() -> bytes:
    """The filter for this machine. Raises ExperimentError for one that it was not written for."""
    machine = platform.machine()
    if machine not in _MACHINES:
        raise ExperimentError(f"sandbox: expected x86_64 or aarch64, found {machine}")
    arch, clone, clone3, limits, column = _MACHINES[machine]
    numbers = [number for row in _REFUSED.values() if (number := row[column]) is not None]
    code = [
        (_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # Calls of the x32 kind have other numbers for the same work.
        (_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL),
        (_AT_LEAST, 0, 1, _NEWER), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        # Limits are changed of the caller alone.
        (_EQUAL, 0, 4, limits), (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        # clone3 hides its flags in memory; without it, libraries take clone.
        (_EQUAL, 0, 1, clone3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_EQUAL, 0, 4, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES), (_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    for number in numbers:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *each) for each in code)
