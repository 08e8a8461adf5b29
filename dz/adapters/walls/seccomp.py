"""The filter of system calls of confined programs, as seccomp(2) takes it.

What is refused are ways to more of the kernel than a web application needs: new namespaces and mounts, tracing, keys,
kernel modules, eBPF. Source of the list: Docker's default profile.
"""

import platform
import struct

_LOAD, _EQUAL, _ANY_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_FAMILIES = (1, 2, 10, 16)
"""Kinds of sockets that there are: Unix, IPv4, IPv6, netlink. Network namespaces do not divide vsock, for one."""
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} of clone(2)."""

_X86_64 = {
    "clone": 56, "clone3": 435, "socket": 41, "unshare": 272, "ptrace": 101, "syslog": 103, "pivot_root": 155,
    "chroot": 161, "acct": 163, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169,
    "init_module": 175, "delete_module": 176, "quotactl": 179, "kexec_load": 246, "add_key": 248, "request_key": 249,
    "keyctl": 250, "move_pages": 279, "perf_event_open": 298, "name_to_handle_at": 303, "open_by_handle_at": 304,
    "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
    "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
}  # fmt: skip
_AARCH64 = {
    **{name: number for name, number in _X86_64.items() if number >= 425}, "clone": 220, "socket": 198, "unshare": 97, "ptrace": 117,
    "syslog": 116, "pivot_root": 41, "chroot": 51, "acct": 89, "mount": 40, "umount2": 39,
    "swapon": 224, "swapoff": 225, "reboot": 142, "init_module": 105, "delete_module": 106, "quotactl": 60,
    "kexec_load": 104, "add_key": 217, "request_key": 218, "keyctl": 219, "move_pages": 239, "perf_event_open": 241,
    "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
    "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "kexec_file_load": 294, "bpf": 280,
    "userfaultfd": 282,
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000003E, _X86_64, 0x40000000), "aarch64": (0xC00000B7, _AARCH64, None)}


def program() -> bytes:
    """Return the filter for this machine; empty where its system calls are not known here."""
    if platform.machine() not in _MACHINES:
        return b""
    architecture, numbers, foreign = _MACHINES[platform.machine()]
    lines = [_step(_LOAD, 4), _step(_EQUAL, architecture, 1, 0), _step(_RETURN, _KILL), _step(_LOAD, 0)]
    if foreign:  # the x32 numbers of the same calls
        lines += [_step(_ANY_SET, foreign, 0, 1), _step(_RETURN, _ERRNO | _ENOSYS)]
    # glibc takes ENOSYS of clone3 as advice to use clone, whose flags a filter can read.
    lines += [_step(_EQUAL, numbers["clone3"], 0, 1), _step(_RETURN, _ERRNO | _ENOSYS)]
    lines += [_step(_EQUAL, numbers["clone"], 0, 4), _step(_LOAD, 16), _step(_ANY_SET, _NEW_NAMESPACES, 0, 1)]
    lines += [_step(_RETURN, _ERRNO | _EPERM), _step(_RETURN, _ALLOW)]
    lines += [_step(_EQUAL, numbers["socket"], 0, len(_FAMILIES) + 3), _step(_LOAD, 16)]
    lines += [_step(_EQUAL, family, len(_FAMILIES) - number, 0) for number, family in enumerate(_FAMILIES)]
    lines += [_step(_RETURN, _ERRNO | _EAFNOSUPPORT), _step(_RETURN, _ALLOW)]
    for name, number in numbers.items():
        if name not in ("clone", "clone3", "socket"):
            lines += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | _EPERM)]
    return b"".join([*lines, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)
