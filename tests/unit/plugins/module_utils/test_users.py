# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users by e-mail address: the search, the assignee of incidents and cases, and the module user_info."""

from __future__ import annotations

import typing as t

import pytest
from helpers import table
from in_process import TEAM, Result, Runner
from simulator import Fault, Simulator

DANA = "Dana.Smith+oncall@example.com"
ASSIGN = {"incident_assign": "incident_ids", "case_assign": "case_ids"}
INFO = {"incident_info": "incidents", "case_info": "cases"}


def searches(sim: Simulator) -> list[str]:
    """The targets of all searches for users."""
    return [entry.target for entry in sim.journal if "/aaa/" in entry.target]


def add(sim: Simulator, module: str) -> str:
    return sim.add_case() if module == "case_assign" else sim.add_incident(assignees=[])


def assign(run: Runner, module: str, *ids: str, assignee: str = DANA, **options: t.Any) -> Result:
    return run(module, **{ASSIGN[module]: list(ids), "assignee": assignee, "team_id": TEAM, **options})


@pytest.mark.parametrize("module", ASSIGN)
class TestAssignee:
    @pytest.mark.parametrize("spelling", [DANA, DANA.upper(), f" {DANA.lower()}\n"])
    def test_is_looked_up_once_for_many_ids(self, sim: Simulator, run: Runner, module: str, spelling: str) -> None:
        user = sim.add_user(DANA)
        sim.add_user(f"x{DANA}")  # The search matches in part.
        ids = [add(sim, module) for _number in range(3)]
        for changed in (ids, []):
            sim.clear_journal()
            result = assign(run, module, *ids, assignee=spelling)
            assert (result["changed"], result["assigned_ids"]) == (bool(changed), changed)
            assert len(searches(sim)) == 1
        plural = INFO[module.replace("assign", "info")]
        assert all(user in str(item) for item in result[plural])

    @pytest.mark.parametrize("version", ["latest", "5"])
    def test_is_looked_up_by_version_5(self, sim: Simulator, run: Runner, module: str, version: str) -> None:
        sim.add_user(DANA)
        assign(run, module, add(sim, module), api_version=version)
        assign(run, module, add(sim, module), api_url=f"{sim.url}/mgmt/openapi/{version}")
        assert len(searches(sim)) == 2
        assert all(f"/mgmt/openapi/5/aaa/teams/v2/{TEAM}/search?username=Dana" in target for target in searches(sim))
        assert "username=Dana.Smith%2Boncall%40example.com&page_size=100" in searches(sim)[0]

    def test_is_looked_up_in_check_mode_too(self, sim: Simulator, run: Runner, module: str) -> None:
        sim.add_user(DANA)
        item_id = add(sim, module)
        assert assign(run, module, item_id, check_mode=True)["assigned_ids"] == [item_id]
        assert sim.writes == []

    def test_is_found_on_a_later_page(self, sim: Simulator, run: Runner, module: str) -> None:
        for number in range(120):
            sim.add_user(f"{number}.{DANA}")
        sim.add_user(DANA)
        sim.settings["users"].last_page_token = "zero"
        item_id = add(sim, module)
        assert assign(run, module, item_id)["assigned_ids"] == [item_id]
        assert len(searches(sim)) == 2

    @table(
        "users, found",
        {
            "active before inactive": (["inactive", "active", "inactive"], 1),
            "only one, inactive": (["inactive"], 0),
            "two active": (["active", "active", "inactive"], None),
            "two inactive": (["inactive", "inactive"], None),
        },
    )
    def test_several_accounts(
        self, sim: Simulator, run: Runner, module: str, users: list[str], found: int | None
    ) -> None:
        ids = [sim.add_user(DANA, status=status) for status in users]
        item_id = add(sim, module)
        result = assign(run, module, item_id)
        if found is None:
            assert (
                f"assignee is '{DANA}'. Several users have this e-mail address: {ids[0]}, {ids[1]}. " in result["msg"]
            )
            assert "Give one of these IDs." in result["msg"]
            assert (result["changed"], sim.writes) == (False, [])
        else:
            assert result["assigned_ids"] == [item_id]
            assert ("is inactive" in str(result.get("warnings"))) == (users[found] == "inactive")
            assert sim.writes[0].body[{"case_assign": "assignee"}.get(module, "assignedTo")] == {"userId": ids[found]}

    def test_without_an_id_is_nobody(self, sim: Simulator, run: Runner, module: str) -> None:
        # The contract requires no field of a user.
        sim.add_user(DANA)
        sim.fault(Fault("user_search", replace={"users": [{"username": DANA}, {}]}))
        assert "has this e-mail address" in assign(run, module, add(sim, module))["msg"]

    @table(
        "options, message",
        {
            "nobody": (
                {"assignee": "lee@example.com"},
                f"assignee contains 'lee@example.com'. No user of team {TEAM} has this e-mail address.",
            ),
            "no team": (
                {"team_id": ...},
                "needs the number of the team. Set team_id, or the environment variable CORALOGIX_TEAM_ID.",
            ),
            "another team": (
                {"team_id": 1},
                "refused the request to search the users of team 1 (team_id) as invalid (404: Not Found: team 1).",
            ),
        },
    )
    def test_refused_before_any_write(
        self, sim: Simulator, run: Runner, module: str, options: dict[str, t.Any], message: str
    ) -> None:
        sim.add_user(DANA)
        result = assign(run, module, add(sim, module), **options)
        assert message in result["msg"]
        assert (result["changed"], sim.writes) == (False, [])
        assert ("failure" in result) == ("404" in message)
        assert len(sim.journal) == (0 if "team_id" in options and options["team_id"] is ... else 1)

    @pytest.mark.parametrize("version", ["3", "4"])
    def test_refused_with_older_versions(self, sim: Simulator, run: Runner, module: str, version: str) -> None:
        result = assign(run, module, add(sim, module), api_version=version)
        wanted = "Cases need latest or 5." if module == "case_assign" else "Set api_version to 5, or give a user ID"
        assert f"api_version is {version}." in result["msg"]
        assert wanted in result["msg"]
        assert sim.journal == []

    def test_team_from_the_environment(self, sim: Simulator, run: Runner, module: str) -> None:
        sim.add_user(DANA)
        item_id = add(sim, module)
        environ = {"CORALOGIX_TEAM_ID": f" {TEAM} "}
        assert assign(run, module, item_id, team_id=..., environ=environ)["assigned_ids"] == [item_id]
        result = assign(run, module, item_id, team_id=..., environ={"CORALOGIX_TEAM_ID": "ops"})
        assert "CORALOGIX_TEAM_ID is 'ops'. It must be the number of a team." in result["msg"]

    def test_an_empty_list_of_ids_needs_no_look_up(self, sim: Simulator, run: Runner, module: str) -> None:
        assert not assign(run, module, team_id=..., api_key=...)["changed"]
        assert sim.journal == []

    @table(
        "fault, message",
        {
            "403": ({"status": 403}, "It needs the permission to read users"),
            "no route": ({"status": 404, "body": "Not Found"}, "has no route GET /mgmt/openapi/5/aaa/teams/v2/"),
            "list": ({"replace": {"users": {}}}, "users is not a list of objects"),
        },
    )
    def test_failed_searches(
        self, sim: Simulator, run: Runner, module: str, fault: dict[str, t.Any], message: str
    ) -> None:
        sim.fault(Fault("user_search", **fault))
        result = assign(run, module, add(sim, module))
        assert message in result["msg"]
        assert (result["changed"], result["failure"]["method"], sim.writes) == (False, "GET", [])


@pytest.mark.parametrize("module", INFO)
class TestFilter:
    def items(self, sim: Simulator, module: str, *users: str) -> list[str]:
        if module == "case_info":
            return [sim.add_case(assignee=user) for user in users]
        return [sim.add_incident(assignees=[user]) for user in users]

    def test_an_email_stands_for_all_its_accounts(self, sim: Simulator, run: Runner, module: str) -> None:
        users = [sim.add_user(DANA), sim.add_user(DANA.upper(), status="inactive"), sim.add_user(f"x{DANA}")]
        other = sim.add_user("lee@example.com")
        ids = self.items(sim, module, *users, other)
        result = run(module, assignees=[f" {DANA}", other], team_id=TEAM)
        assert {item["id"] for item in result[INFO[module]]} == {ids[0], ids[1], ids[3]}
        assert len(searches(sim)) == 1

    def test_nobody_and_no_team(self, sim: Simulator, run: Runner, module: str) -> None:
        result = run(module, assignees=[DANA], team_id=TEAM)
        assert f"assignees contains '{DANA}'. No user of team {TEAM} has this e-mail address." in result["msg"]
        result = run(module, assignees=[DANA])
        assert "Set team_id" in result["msg"]
        assert [entry.operation for entry in sim.journal] == ["user_search"]

    def test_ids_alone_need_no_team(self, sim: Simulator, run: Runner, module: str) -> None:
        user = sim.add_user(DANA)
        (item_id,) = self.items(sim, module, user)
        result = run(module, assignees=user.upper() if module == "case_info" else user)
        assert [item["id"] for item in result[INFO[module]]] == [item_id]
        assert searches(sim) == []


class TestUserInfo:
    @pytest.fixture
    def find(self, run: Runner) -> t.Callable[..., Result]:
        return lambda **options: run("user_info", **{"team_id": TEAM, **options})

    def test_usernames_as_a_whole(self, sim: Simulator, find: t.Callable[..., Result]) -> None:
        lee, dana = sim.add_user("lee@example.com"), sim.add_user(DANA)
        sim.add_user("dana@example.com")
        result = find(usernames=[DANA.lower(), "lee@example.com", DANA])
        assert [user["userId"] for user in result["users"]] == [dana, lee]
        assert (result["changed"], result["count"], result["not_found_usernames"]) == (False, 2, [])
        assert set(result["users"][0]) == {
            "userId", "username", "firstName", "lastName", "status", "userAccountId",
        }  # fmt: skip

    @pytest.mark.parametrize("missing", ["fail", "ignore"])
    def test_unknown_usernames(self, sim: Simulator, find: t.Callable[..., Result], missing: str) -> None:
        dana = sim.add_user(DANA)
        result = find(usernames=["dana", DANA, "lee@example.com"], missing=missing)
        assert [user["userId"] for user in result["users"]] == [dana]
        assert result["not_found_usernames"] == ["dana", "lee@example.com"]
        assert ("failed" in result) == (missing == "fail")
        if missing == "fail":
            assert result["msg"] == "Unknown usernames: 'dana', 'lee@example.com'. Set missing=ignore to skip them."

    def test_search_in_part_over_all_pages(self, sim: Simulator, find: t.Callable[..., Result]) -> None:
        ids = [sim.add_user(f"{number}@Example.com") for number in range(230)]
        sim.add_user("lee@other.org")
        result = find(search=" example ")
        assert [user["userId"] for user in result["users"]] == ids
        assert (result["count"], len(searches(sim))) == (230, 3)
        assert find(search="nobody")["users"] == []

    def test_users_are_returned_as_the_api_shows_them(self, sim: Simulator, find: t.Callable[..., Result]) -> None:
        # The contract requires no field of a user.
        users = [{"userId": "a", "username": "x"}, {"username": "x"}, {"username": "y"}, {}]
        sim.fault(Fault("user_search", replace={"users": users}))
        assert find(search="x")["users"] == users
        assert find(usernames="x")["users"] == users[:2]

    def test_an_empty_list_sends_nothing(self, sim: Simulator, find: t.Callable[..., Result]) -> None:
        assert find(usernames=[], api_key=..., team_id=...)["users"] == []
        assert sim.journal == []

    def test_endless_pages_are_given_up(
        self, sim: Simulator, find: t.Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from ansible_collections.coralogix.incidents.plugins.module_utils import _users

        monkeypatch.setattr(_users, "_MAX_USERS", 1_000)
        sim.fault(Fault("user_search", endless_pages=True))
        result = find(search="x", retries=0)
        assert "the pages show more than 1000 users" in result["msg"]
        assert result["users"] == []
        assert len(sim.journal) == 11

    def test_a_repeated_page_ends_the_search(self, sim: Simulator, find: t.Callable[..., Result]) -> None:
        user = {"userId": "a", "username": "x"}
        sim.fault(Fault("user_search", replace={"users": [user], "nextPageToken": 7}))
        assert find(search="x")["users"] == [user]
        assert len(sim.journal) == 2

    @table(
        "options, message",
        {
            "neither": ({}, "Set one of usernames and search."),
            "both": ({"usernames": "a", "search": "b"}, "mutually exclusive: usernames|search"),
            "null": ({"search": None}, "search is null"),
            "null list": ({"usernames": None}, "usernames"),
            "blank": ({"search": " "}, "blank"),
            "blank name": ({"usernames": ["a", " "]}, "usernames contains a blank value."),
            "list as text": ({"usernames": "['a','b']"}, "usernames is \"['a','b']\", a list written as text."),
            "number": ({"usernames": [1.5]}, "usernames contains 1.5"),
            "no team": (
                {"search": "a", "team_id": ...},
                "search names users to look up, which needs the number of the team. Set team_id",
            ),
            "text as team": ({"search": "a", "team_id": "ops"}, "team_id"),
            "negative team": ({"search": "a", "team_id": -1}, "team_id is '-1'. It must be the number of a team."),
            "version 3": ({"search": "a", "api_version": "3"}, "api_version is 3. Set api_version to 5."),
            "version 4": ({"usernames": "a", "api_version": "4"}, "api_version is 4. Set api_version to 5."),
            "no key": ({"search": "a", "api_key": ...}, "No API key."),
        },
    )
    def test_refused_before_anything_is_sent(
        self, sim: Simulator, find: t.Callable[..., Result], options: dict[str, t.Any], message: str
    ) -> None:
        result = find(**options)
        assert message in result["msg"]
        assert not result["changed"]
        assert sim.journal == []

    def test_another_team(self, sim: Simulator, find: t.Callable[..., Result]) -> None:
        result = find(search="a", team_id=1)
        assert "search the users of team 1 (team_id)" in result["msg"]
        assert result["failure"]["status"] == 404
