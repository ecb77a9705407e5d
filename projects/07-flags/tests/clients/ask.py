"""Asks by the Python provider, and prints what it says."""

import json
import sys

from openfeature import api  # type: ignore[import-not-found]  # installed beside the workspace
from openfeature.contrib.provider.ofrep import OFREPProvider  # type: ignore[import-not-found]
from openfeature.evaluation_context import EvaluationContext  # type: ignore[import-not-found]

asked = json.loads(sys.argv[1])
provider = OFREPProvider(
    base_url=asked["url"], headers_factory=lambda: {"Authorization": f"Bearer {asked['server']}"}
)
api.set_provider(provider)
client = api.get_client()
context = EvaluationContext("user-1", {"plan": "pro"})


def plain(details: object) -> dict[str, object]:
    code = getattr(details, "error_code", None)
    return {
        "value": getattr(details, "value", None),
        "variant": getattr(details, "variant", None),
        "reason": getattr(details, "reason", None),
        "errorCode": getattr(code, "value", None),
    }


sys.stdout.write(
    json.dumps(
        {
            "who": "server",
            "boolean": plain(client.get_boolean_details("boolean", False, context)),
            "string": plain(client.get_string_details("string", "mine", context)),
            "integer": plain(client.get_integer_details("integer", 0, context)),
            "float": plain(client.get_float_details("float", 0.0, context)),
            "object": plain(client.get_object_details("object", {}, context)),
            "off": plain(client.get_string_details("off", "mine", context)),
            "unknown": plain(client.get_string_details("unknown", "mine", context)),
            "keyless": plain(client.get_string_details("rollout", "mine", EvaluationContext())),
        }
    )
)
