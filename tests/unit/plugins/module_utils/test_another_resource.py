# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A made-up resource of another shape needs nothing but a declaration: the core knows no incidents.

A tool has one borrower or none. A read is one GET for each ID, an unknown ID is a 400, a write is a bulk PUT with a
body, and every tool has two IDs: a UUID, and one such as TOOL-123.
"""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._answers import Response
from ansible_collections.coralogix.incidents.plugins.module_utils._arguments import check_ids
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import FailureKind
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import (
    UUID,
    Filters,
    Found,
    Operation,
    Page,
    Query,
    Request,
    Resource,
    Route,
)
from helpers import A, B, C, Result, refusal, respond, run_change, service_for

TOOL = Resource(
    singular="tool",
    plural="tools",
    id_option="tool_ids",
    id_noun="tool IDs",
    title_field="label",
    operations={
        "read": Operation(
            "read tools",
            "tool:Read",
            {"new": Route("GET", "/tools/{id}"), "old": Route("GET", "/v0/tools/{id}")},
            parse=lambda answer, ids: Found({ids[0]: answer["tool"]}, []),
        ),
        "list": Operation(
            "list tools",
            "tool:Read",
            {"new": Route("POST", "/tools/search", in_body=True), "old": Route("GET", "/v0/tools")},
            parse=lambda answer, _ids: Page(answer["tools"], None, answer.get("next", "")),
        ),
        "lend": Operation(
            "lend tools",
            "tool:Lend",
            {route_set: Route("PUT", "/tools/borrower", "toolIds", in_body=True) for route_set in ("new", "old")},
            max_ids_in_body=2,
            refusal_may_apply=True,
            parse=lambda answer, _ids: answer["lent"],
        ),
    },
    route_sets={"latest": ("new", "old"), "5": ("new",)},
    required_fields={"label": str},
    pagination=lambda size, token: {"size": size, "after": token},
    filters=Filters({}, (), lambda _options, _now: Query({}, None, False)),
    page_size=2,
    max_concurrent_requests=3,
    probe_id="TOOL-0",
    parameter_options={"borrower": "borrower"},
    check_id=lambda text: "" if UUID.match(text) or re.match(r"TOOL-\d+\Z", text) else "it is no tool ID",
    id_fields=("id", "name"),
    reads_before_writes=True,
    means_unknown_id=lambda failure: failure.kind is FailureKind.INVALID and "no such tool" in failure.message,
)


def lend(borrower: str) -> Change:
    return Change(
        operation="lend",
        participle="lent",
        is_wanted=lambda tool: tool.get("borrower") == borrower,
        predict=lambda tool: {**tool, "borrower": borrower},
        fields=("borrower",),
        describe=lambda tool: str(tool.get("borrower", "nobody")),
        is_skipped=lambda tool: tool.get("borrower") == "museum",
        values={"borrower": borrower},
        extra_results=lambda before, ids: {
            "lent_before": [tool_id for tool_id in ids if before.get(tool_id, {}).get("borrower")]
        },
    )


class ToolTransport:
    """The service: a transport that keeps tools."""

    proxy = None

    def __init__(self, *borrowers: str, routes: str = "/tools") -> None:
        self.tools = {
            item_id: {"id": item_id, "name": f"TOOL-{number}", "label": f"tool {number}"}
            for number, item_id in enumerate((A, B, C), 1)
        }
        for item_id, borrower in zip(self.tools, borrowers):
            self.tools[item_id].update({"borrower": borrower} if borrower else {})
        self.routes = routes
        self.sent: list[tuple[str, str]] = []
        self.bodies: list[t.Any] = []
        self.next_statuses: list[int] = []

    def abort(self) -> None:
        pass

    def send(self, request: Request, seconds: float) -> Response:
        path = request.url.partition("/latest")[2]
        self.sent.append((request.method, path))
        if request.method == "PUT":
            self.bodies.append(request.body)
            return self._lend(request.body or {})
        if not path.startswith(self.routes):
            return respond({"message": "Not Found"}, 404)
        if path.endswith("/tools/search"):
            return self._page(request.body or {})
        return self._show(path.rpartition("/")[2])

    def _find(self, item_id: str) -> t.Any:
        return next((tool for tool in self.tools.values() if item_id in (tool["id"], tool["name"])), None)

    def _show(self, item_id: str) -> Response:
        tool = self._find(item_id)
        return respond({"tool": tool}) if tool else respond({"message": f"no such tool: {item_id}"}, 400)

    def _page(self, body: t.Mapping[str, t.Any]) -> Response:
        names = [tool["name"] for tool in self.tools.values()]
        start = names.index(body["after"]) if body["after"] else 0
        shown, following = [*self.tools.values()][start : start + body["size"]], names[start + body["size"] :]
        return respond({"tools": shown, **({"next": following[0]} if following else {})})

    def _lend(self, body: t.Mapping[str, t.Any]) -> Response:
        status = self.next_statuses.pop(0) if self.next_statuses else 200
        found = [self._find(item_id) for item_id in body["toolIds"]]
        if status in (200, 400):
            for tool in found[: 1 if status == 400 else None]:
                tool["borrower"] = body["borrower"]
        return respond({"lent": found}, status) if status == 200 else respond({"message": "no"}, status)


def run(transport: ToolTransport, ids: t.Sequence[str], **options: t.Any) -> Result:
    return run_change(lend("dana"), transport, check_ids(TOOL, ids), resource=TOOL, **options)


@pytest.mark.parametrize("routes", ["/tools", "/v0/tools"])
def test_tools_are_read_one_by_one_and_written_together(routes: str) -> None:
    transport = ToolTransport("lee", "", "museum", routes=routes)
    ids = ["TOOL-2", A, "TOOL-1", "TOOL-3"]
    predicted = run(transport, ids, check_mode=True)
    assert transport.bodies == []
    result = run(transport, ids)
    assert result == predicted
    assert (result["changed"], result["lent_ids"], result["skipped_ids"]) == (True, ["TOOL-2", A], ["TOOL-3"])
    assert [tool["id"] for tool in result["tools"]] == [B, A, C]
    assert result["ansible_facts"] == {"coralogix_tools": result["tools"]}
    assert result["lent_before"] == [A]
    assert result["diff"]["prepared"] == f'TOOL-2 "tool 2": nobody -> dana\n{A} (TOOL-1) "tool 1": lee -> dana\n'
    # Its second name is read, and not written again.
    assert transport.bodies == [{"toolIds": ["TOOL-2", A], "borrower": "dana"}]
    assert {path for method, path in transport.sent if method == "GET" and path.startswith(routes)} == {
        f"{routes}/{item_id}" for item_id in ids
    }
    assert not run(transport, ids)["changed"]


@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_unknown_ids_are_named_with_the_noun_of_the_resource(missing: str) -> None:
    transport = ToolTransport()
    result = run(transport, ["TOOL-7", A, B, C], missing=missing)
    assert (result["not_found_ids"], result["changed"]) == (["TOOL-7"], missing == "ignore")
    assert missing == "ignore" or result["msg"].startswith("Unknown tool IDs: 'TOOL-7'.")
    assert sorted(map(len, (body["toolIds"] for body in transport.bodies))) == ([1, 2] if missing == "ignore" else [])


def test_retry_reads_again_and_a_refusal_may_have_applied_in_part() -> None:
    transport = ToolTransport()
    transport.next_statuses = [503]
    assert run(transport, [A])["lent_ids"] == [A]
    assert [method for method, _path in transport.sent] == ["GET", "PUT", "GET", "PUT"]
    transport = ToolTransport()
    transport.next_statuses = [400]
    result = run(transport, [A, B])
    assert (result["changed"], result["lent_ids"], result["failure"]["status"]) == (True, [A], 400)
    assert f"Lent before that: '{A}'." in result["msg"]


def test_nothing_is_written_where_reading_is_refused() -> None:
    result = run(ToolTransport(routes="/nowhere"), [A])
    assert (result["changed"], result["failure"]["method"]) == (False, "GET")
    assert "must read first" in result["msg"]


def test_tools_are_listed_page_by_page_once_the_routes_are_known() -> None:
    transport = ToolTransport()
    listing = service_for(transport, TOOL).list_items({"color": "red"})
    assert ([tool["id"] for tool in listing.items], listing.total) == ([A, B, C], 3)
    assert transport.sent == [("GET", "/tools/TOOL-0"), ("POST", "/tools/search"), ("POST", "/tools/search")]


def test_refusals_use_the_names_of_the_resource() -> None:
    assert refusal(check_ids, TOOL, ["HAMMER"]).startswith(
        "tool_ids contains 'HAMMER', which cannot be an ID: it is no tool ID."
    )
    assert refusal(service_for, ToolTransport(), TOOL, api_version="3") == "api_version is 3. Tools need latest or 5."
    transport = ToolTransport()
    del transport.tools[A]["label"]
    assert f"the tool {A} has no label of type string" in run(transport, [A])["msg"]
