"""The page for people at /docs: the OpenAPI document as plain HTML, with nothing fetched from elsewhere."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape

import orjson

from service_kit.json_text import Json, as_mapping

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "query")

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; }
h2 { font-size: 1.15rem; }
h3 { font-size: 1rem; }
pre { background: #f4f4f4; color: #111; padding: .75rem; overflow-x: auto; font-size: .85rem; }
p { white-space: pre-line; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .15rem 1rem .15rem 0; }
section { border-top: 1px solid #ccc; }
"""
# The page may use its own style sheet and nothing else.
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"


def page(openapi: Mapping[str, Json]) -> str:
    """Render the document; descriptions are shown as text, never as markup."""
    info = as_mapping(openapi.get("info"))
    title = _text(info.get("title"), "API")
    body = "\n".join(
        section for path in as_mapping(openapi.get("paths")).items() for section in _sections(*path)
    )
    components = as_mapping(openapi.get("components"))
    schemas = "\n".join(
        f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>{_json(schema)}'
        for name, schema in as_mapping(components.get("schemas")).items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title} {_text(info.get("version"))}</h1>
<p>{_text(info.get("description"))}</p>
<p>For programs: <a href="openapi.json">openapi.json</a></p>
{body}
{"<h2>Schemas</h2>" + schemas if schemas else ""}
</body>
</html>
"""


def _sections(path: str, item: Json) -> Iterator[str]:
    shared = _sequence(as_mapping(item).get("parameters"))
    for method in METHODS:
        operation = as_mapping(as_mapping(item).get(method))
        if operation:
            parameters = [
                as_mapping(parameter) for parameter in (*shared, *_sequence(operation.get("parameters")))
            ]
            yield _section(path, method, operation, parameters)


def _section(
    path: str, method: str, operation: Mapping[str, Json], parameters: Sequence[Mapping[str, Json]]
) -> str:
    rows = "".join(_parameter(parameter) for parameter in parameters)
    request = _content(operation.get("requestBody"))
    answers = "".join(
        f"<tr><th>{escape(status)}<td>{_text(as_mapping(answer).get('description'))}{_content(answer)}"
        for status, answer in as_mapping(operation.get("responses")).items()
    )
    return f"""<section>
<h2><code>{method.upper()} {escape(path)}</code></h2>
<p><strong>{_text(operation.get("summary"))}</strong></p>
<p>{_text(operation.get("description"))}</p>
{"<h3>Parameters</h3><table>" + rows + "</table>" if rows else ""}
{"<h3>Body</h3>" + request if request else ""}
<h3>Answers</h3>
<table>{answers}</table>
</section>"""


def _parameter(parameter: Mapping[str, Json]) -> str:
    if "$ref" in parameter:
        return f"<tr><td>{_schema(parameter)}"
    need = "required" if parameter.get("required") else "optional"
    return (
        f"<tr><th><code>{_text(parameter.get('name'))}</code><td>{_text(parameter.get('in'))}, {need}"
        f"<td>{_text(parameter.get('description'))}<td>{_schema(parameter.get('schema'))}"
    )


def _content(holder: Json) -> str:
    return "".join(
        f"<div>{escape(media_type)} {_schema(as_mapping(content).get('schema'))}</div>"
        for media_type, content in as_mapping(as_mapping(holder).get("content")).items()
    )


def _schema(schema: Json) -> str:
    """Link to a named schema, put a simple one on a line, and spell out the rest."""
    members = {name: value for name, value in as_mapping(schema).items() if name != "title"}
    reference = members.get("$ref")
    if isinstance(reference, str):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if any(isinstance(value, Mapping) for value in members.values()):
        return _json(schema)
    return f"<code>{escape(orjson.dumps(members).decode())}</code>" if members else ""


def _json(document: Json) -> str:
    return f"<pre>{escape(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())}</pre>"


def _text(value: Json, default: str = "") -> str:
    return escape(value if isinstance(value, str) else default)


def _sequence(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
