"""The gate: a proxy asks here about each request before it passes it on to an upstream that knows no limits.

Caddy calls it forward_auth, Traefik ForwardAuth, nginx auth_request. The proxy sends the client's headers
along, so a header that the proxy does not itself set may come from anybody.
"""

import posixpath
import re
from urllib.parse import unquote

from flask import Blueprint, request

from service_kit.flask_openapi import Refusal, described
from throttler.documentation import FIELDS, REFUSALS
from throttler.errors import BudgetExhaustedError, GateClosedError, UnclearTargetError
from throttler.limiter import Budget
from throttler.middleware import Throttling
from throttler.policies import Policies

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST_HEADERS = {
    "X-Forwarded-Uri": "What the client asked for (Caddy, Traefik). This or the next is needed by rules.",
    "X-Original-URI": "The same, as nginx calls it.",
    "X-Forwarded-Method": "The client's method.",
    "X-Forwarded-For": "The addresses that the request passed.",
}
UNCLEAR = Refusal("There are rules, and the URI is missing, or it is not clear which of them it is under.")
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
ANOTHER_LINE = re.compile(r",\s*(?=/)")
ENCODED_SLASH = re.compile(r"%(?=2[Ff]|5[Cc])")
DENIED = Refusal("The address is on the deny list; or the budget is spent, and GATE_DENY_STATUS is 403.")


def make_gate(throttling: Throttling, policies: Policies) -> Blueprint:
    """Make the endpoint that answers 204: pass it on, or a refusal to hand to the client."""
    gate = Blueprint("gate", __name__)

    @gate.route("/gate", methods=METHODS, provide_automatic_options=False)
    @described(
        status=204,
        answer="It may pass. The fields are missing where no rule limits it.",
        headers=FIELDS,
        refusals={**REFUSALS, 400: UNCLEAR, 403: DENIED},
        request_headers=REQUEST_HEADERS,
        any_query=True,  # the client's own, and the upstream's business
    )
    def ask() -> None:
        """Ask whether a request to an upstream may pass.

        For a proxy: Caddy forward_auth, Traefik ForwardAuth, nginx auth_request. The client is the one in
        X-Forwarded-For, by TRUSTED_HOPS. Which budget is asked depends on the rules of the policies file;
        without rules there is one for all.
        """
        budget = asked_budget(policies)
        if budget is not None:
            try:
                throttling.enforce(budget)
            except BudgetExhaustedError as exc:
                raise GateClosedError(exc.budget, exc.decision) from exc

    return gate


def asked_budget(policies: Policies) -> Budget | None:
    """Return the budget of what the proxy asks about; without rules one for all that passes the gate.

    Raises: UnclearTargetError.
    """
    if not policies.gate_rules:
        return policies.gate_default
    method = request.headers.get("X-Forwarded-Method", request.method).upper()
    if "," in method:
        raise UnclearTargetError("The gate needs one X-Forwarded-Method.")
    paths = target_paths()
    budget = policies.gate_budget(method, paths[0])
    if any(policies.gate_budget(method, path, any_case=True) not in {budget, None} for path in paths):
        raise UnclearTargetError("An upstream might read another path than the gate does.")
    return budget


def target_paths() -> tuple[str, ...]:
    """Return the readings of the URI that the client asked the proxy for.

    Raises: UnclearTargetError without a header, or with two that differ: of X-Forwarded-Uri (Caddy, Traefik)
    and X-Original-URI (nginx) the proxy sets one, and the other, sent by a client, must not choose a budget.
    """
    sent = map(request.headers.get, ("X-Forwarded-Uri", "X-Original-URI"))
    named = {readings(uri) for uri in sent if uri is not None}
    if len(named) != 1:
        raise UnclearTargetError("The gate needs the request's URI in X-Forwarded-Uri or in X-Original-URI.")
    return named.pop()


def readings(uri: str) -> tuple[str, ...]:
    """Return what a URI's path may be read as: first as the gate reads it, then as some upstreams do.

    Those decode twice, or leave an encoded slash alone; some take a backslash for a slash, or cut what is
    behind a semicolon, or a slash at the end. Two lines of a header arrive as one with a comma between them.

    Raises: UnclearTargetError for what is no path.
    """
    texts: list[str] = []
    for one in (uri, *ANOTHER_LINE.split(uri)):
        path = one.partition("?")[0]
        once = unquote(path)
        if not path.startswith("/") or "#" in path or CONTROLS.search(once):
            raise UnclearTargetError("The gate needs the path of a URI.")
        texts += [once, unquote(once), unquote(ENCODED_SLASH.sub("%25", path))]
    texts += [text.replace("\\", "/") for text in texts]
    texts += [re.sub(r";[^/]*", "", text) for text in texts]
    paths = [normal_path(text) for text in dict.fromkeys(texts)]
    return tuple(dict.fromkeys([*paths, *(path.rstrip("/") or "/" for path in paths)]))


def normal_path(text: str) -> str:
    """Undo the spellings that lead to the same place: `//x/../y` is `/y`."""
    path = text.lstrip("/")
    return posixpath.normpath(f"/{path}") + ("/" if path.endswith("/") else "")
