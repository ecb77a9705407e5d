"""What mails say. A token stands in the fragment of an address: in no log, and in no Referer."""

from typing import Final

REGISTER: Final = """Hello,

somebody, probably you, wants an account with this address at {origin}.
To choose its password open

  {origin}/#token={token}

Was it not you? Then ignore this mail, and nothing happens.
"""
HAS_ACCOUNT: Final = """Hello,

somebody, probably you, has asked for an account with this address at {origin}.
It has one already: sign in there.

Was it not you? Then ignore this mail: nobody was told that the account exists.
"""
RESET: Final = """Hello,

somebody, probably you, has forgotten the password of your account at {origin}.
To choose another one open

  {origin}/#reset-token={token}

It ends everything that is signed in now. Was it not you? Then ignore this mail, and nothing happens.
"""
NO_ACCOUNT: Final = """Hello,

somebody, probably you, has forgotten a password at {origin}.
No account has this address there. Perhaps it has another one of yours.

Was it not you? Then ignore this mail: nobody was told that there is no account.
"""
INVITATION: Final = """Hello,

you are invited to "{organisation}" at {origin}, as {role}.
Sign in there with this address, or register it, and accept.

Was it not meant for you? Then ignore this mail, and nothing happens.
"""
_DISABLED: Final = """Hello,

{{origin}} sends nothing more to the webhook endpoint

  {{url}}

of "{{organisation}}": {reason}.
When it is well again, enable it, and have it sent what it has missed.
"""
ENDPOINT_DISABLED: Final = {
    "gone": _DISABLED.format(reason="it has answered that it is gone"),
    "failing": _DISABLED.format(reason="it has taken nothing for too long"),
}
