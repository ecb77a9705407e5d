"""What a child does between fork and exec: system calls only, as a lock may be held there for ever."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
# Loaded and allocated here and not in the child, for the same reason.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_CAPSET_HEADER = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
_CAPSET_DATA = (ctypes.c_uint32 * 6)(*[1 << _CAP_DAC_OVERRIDE] * 3)  # effective, permitted, inheritable


def die_with_parent(parent_pid: int, death_signal: signal.Signals) -> None:
    """Have the kernel signal this process when the *thread* that forked it ends, however that happens.

    Call it after every change of uid, which clears the request. An exec keeps it, a fork does not. macOS has
    nothing like it: there, a launcher that is killed with SIGKILL leaves its children behind.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the request was made
        os._exit(1)


def hear_signals() -> None:
    """Let every signal that asks for an end have its effect.

    A shell starts what it runs in the background with SIGINT ignored, and each child inherits that.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def become(uid: int, *, reaching_every_file: bool) -> Callable[[], None]:
    """Return the steps by which root becomes an ordinary user.

    `reaching_every_file` keeps root's power over file permissions (the ambient capability CAP_DAC_OVERRIDE),
    for programs and data that lie below a folder such as /root, which nobody else may enter.
    """

    def steps() -> None:
        if reaching_every_file and _LIBC is not None:
            _LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        if reaching_every_file and _LIBC is not None:
            _LIBC.capset(_CAPSET_HEADER, _CAPSET_DATA)
            _LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)

    return steps


def can_reach_every_file() -> bool:
    """Tell whether `reaching_every_file` is possible here; a container may have taken the capability away."""
    if _LIBC is None:
        return False
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> _CAP_DAC_OVERRIDE & 1)
