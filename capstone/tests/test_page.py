"""The console in a real browser."""

import json
import secrets
from dataclasses import dataclass

import httpx
import pytest

from kata.network.browser import Browser
from kata.world.owned import OwnedWorld

API = "/api/v1"
OPERATOR = "the-operator-of-these-tests"
PASSWORD = "a passphrase of these tests"
MARKUP = "<s>Looms</s><img src=x onerror=alert(1)>"
WIDTHS = (400, 800, 1400)
NOWHERE = "http://127.0.0.1:9/"
SETTINGS = {
    "ENVIRONMENT": "development",
    "OPERATOR_TOKEN": OPERATOR,
    "TOKEN_KEY": secrets.token_hex(32),
    "AUDIT_KEY": secrets.token_hex(32),
    "SEALING_KEY": secrets.token_hex(32),
    "ALLOW_PRIVATE_DESTINATIONS": "true",
    "MAX_ATTEMPTS": "1",
    "DELIVERY_ATTEMPTS": "1",
    "ACCESS_TOKEN_SECONDS": "21",  # the console exchanges it from its second second on
}


@dataclass(frozen=True)
class Desk:
    """A platform, and who uses it by its API."""

    url: str

    def client(self, bearer: str = OPERATOR) -> httpx.Client:
        headers = {"Authorization": f"Bearer {bearer}"}
        return httpx.Client(base_url=self.url + API, headers=headers, trust_env=False, timeout=10)

    def invite(self, email: str) -> str:
        """Have the operator let somebody in, and return the token."""
        with self.client() as operator:
            answer = operator.post("/admin/accounts", json={"email": email})
        return str(answer.raise_for_status().json()["token"])

    def person(self, email: str) -> httpx.Client:
        with self.client() as nobody:
            token = self.invite(email)
            nobody.post("/auth/accounts", json={"token": token, "password": PASSWORD}).raise_for_status()
            answer = nobody.post("/auth/login", json={"email": email, "password": PASSWORD})
        return self.client(answer.raise_for_status().json()["access_token"])


@pytest.fixture
def desk(world: OwnedWorld) -> Desk:
    return Desk(world.start(SETTINGS, workers=1).urls[0])


def organisation(client: httpx.Client, name: str) -> str:
    answer = client.post("/organisations", json={"name": name})
    return f"/organisations/{answer.raise_for_status().json()['id']}"


def reach(browser: Browser, condition: str) -> None:
    """Press Tab until the right control has the focus."""
    for _ in range(60):
        if browser.evaluate(condition) is True:
            return
        browser.press("Tab")
    raise AssertionError(f"no Tab leads to {condition}")


def focused(name: str) -> str:
    return f"document.activeElement.id === '{name}'"


def type_into(browser: Browser, name: str, text: str) -> None:
    reach(browser, focused(name))
    browser.send("Input.insertText", text=text)


def sign_in(browser: Browser, email: str) -> None:
    """By keyboard alone."""
    type_into(browser, "email", email)
    type_into(browser, "password", PASSWORD)
    browser.press("Enter")
    browser.wait_for("!document.querySelector('main').hidden")


def text_of(name: str) -> str:
    return f"document.getElementById('{name}').innerText"


def open_page(browser: Browser, url: str) -> None:
    browser.send("Page.navigate", url=url)
    browser.wait_for("document.readyState === 'complete' && document.querySelector('main').hidden")


def test_an_admin_sees_what_happens_and_has_a_dead_job_tried_again(browser: Browser, desk: Desk) -> None:
    with (
        desk.person("ada@example.com") as ada,
        desk.client() as operator,
        desk.person("eve@example.com") as eve,
    ):
        home, other = organisation(ada, MARKUP), organisation(ada, "Engines")
        organisation(eve, "Another one's")
        operator.put("/admin/flags/publish", json={"is_on": True}).raise_for_status()
        ada.post(f"{home}/endpoints", json={"url": NOWHERE}).raise_for_status()
        project = ada.post(f"{home}/projects", json={"name": MARKUP}).raise_for_status().json()["id"]
        action = f"{home}/projects/{project}/actions/publish"
        job = ada.post(action, json={"destination": NOWHERE}).raise_for_status().json()["id"]

        open_page(browser, f"{desk.url}/")
        sign_in(browser, "ada@example.com")
        browser.wait_for(f"{text_of('organisations')}.includes({json.dumps(MARKUP)})")
        browser.wait_for(f"{text_of('jobs')}.includes('publish') && {text_of('jobs')}.includes('dead')")
        browser.wait_for(f"{text_of('deliveries')}.includes('project.created')")
        for name, text in (("audit", "job.queued"), ("flags", "publish"), ("organisations", "Engines")):
            assert browser.evaluate(f"{text_of(name)}.includes('{text}')") is True, name
        assert browser.evaluate("document.querySelectorAll('main s, main img').length") == 0
        assert browser.evaluate("document.body.innerText.includes('Another one')") is False
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                assert browser.look(width, scheme).startswith(b"\x89PNG")
                assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") is True, width

        reach(browser, f"document.activeElement.dataset.key === 'retry-{job}'")
        browser.press("Enter")
        browser.wait_for(f"{text_of('said')} === 'Job queued again.'")
        assert ada.get(f"{home}/jobs/{job}").json()["max_attempts"] == 2
        token = browser.evaluate("sessionStorage.getItem('token')")
        browser.wait_for(f"sessionStorage.getItem('token') !== {json.dumps(token)}")

        reach(browser, f"document.activeElement.dataset.key === '{other.rpartition('/')[2]}'")
        browser.press("Enter")
        browser.wait_for(f"{text_of('jobs')} === 'Nothing is to be done.'")
        reach(browser, focused("leave"))
        browser.press("Enter")
        browser.wait_for("document.querySelector('main').hidden && !sessionStorage.length")
        assert browser.evaluate("document.querySelectorAll('main li').length") == 0
        assert browser.complaints == []


def test_who_comes_by_a_mail_chooses_a_password_and_sees_what_a_member_may(
    browser: Browser, desk: Desk
) -> None:
    email = "bob@example.com"
    with desk.person("ada@example.com") as ada:
        home = organisation(ada, "Engines")
        ada.post(f"{home}/invitations", json={"email": email, "role": "member"}).raise_for_status()
    open_page(browser, f"{desk.url}/#token={desk.invite(email)}")
    type_into(browser, "new-password", PASSWORD)
    browser.press("Enter")
    browser.wait_for(f"{text_of('said')}.startsWith('The password is chosen') && location.hash === ''")
    sign_in(browser, email)
    browser.wait_for(f"{text_of('organisations')} === 'You are in none yet.'")
    with desk.client() as nobody:
        answer = nobody.post("/auth/login", json={"email": email, "password": PASSWORD})
    with desk.client(answer.raise_for_status().json()["access_token"]) as bob:
        (offer,) = bob.get("/me/invitations").raise_for_status().json()["items"]
        bob.post(f"/me/invitations/{offer['id']}/accept").raise_for_status()
    browser.wait_for(f"{text_of('organisations')}.includes('Engines')")
    for name in ("deliveries-card", "audit-card"):
        assert browser.evaluate(f"document.getElementById('{name}').hidden") is True
    assert browser.complaints == []


def test_the_operator_switches_a_flag(browser: Browser, desk: Desk) -> None:
    with desk.person("ada@example.com") as ada:
        home = organisation(ada, "Engines")
        open_page(browser, f"{desk.url}/")
        sign_in(browser, "ada@example.com")
        browser.wait_for(f"{text_of('organisations')}.includes('Engines')")
        reach(browser, "document.activeElement.tagName === 'SUMMARY'")
        browser.press("Enter")
        type_into(browser, "operator", OPERATOR)
        type_into(browser, "flag", "publish")
        browser.press("Enter")
        browser.wait_for(f"{text_of('said')} === 'publish is on.'")
        browser.wait_for(f"{text_of('flags')}.includes('publish')")
        assert ada.get(f"{home}/flags").json() == {"flags": {"publish": True}}
        assert ada.get(f"{organisation(ada, 'Looms')}/flags").json() == {"flags": {"publish": False}}
    assert browser.complaints == []
