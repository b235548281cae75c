"""The pages about the contracts in a real browser: complete, and without a request to any other host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def opened(browser: Browser, url: str) -> AsyncIterator[tuple[Page, list[str], list[str]]]:
    """Yield a page with the URLs of its requests, and what went wrong in it."""
    page = await browser.new_page()
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(url)
    try:
        yield page, requests, problems
    finally:
        await page.close()


async def test_swagger_ui_lists_every_operation_and_sends_one(mesh: Mesh, browser: Browser) -> None:
    async with mesh.http_gateway() as url, opened(browser, f"{url}/docs") as (page, requests, problems):
        async with httpx.AsyncClient() as client:
            paths = (await client.get(f"{url}/openapi.json")).json()["paths"]
        await page.locator(".opblock-summary").first.wait_for()
        assert await page.locator(".opblock-summary").count() == sum(map(len, paths.values()))
        operation = page.locator("#operations-FlightDataService-GetAirport")
        await operation.locator(".opblock-summary-control").click()
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_placeholder("code").fill("MAA")
        await operation.get_by_role("button", name="Execute").click()
        await operation.get_by_text("Chennai International Airport").first.wait_for()
        assert [one for one in requests if not one.startswith((url, "data:"))] == []
        assert problems == []


async def test_the_grpc_reference_links_from_an_rpc_to_its_messages(mesh: Mesh, browser: Browser) -> None:
    async with mesh.http_gateway() as url, opened(browser, f"{url}/docs/grpc") as (page, requests, problems):
        await page.locator(".contents").get_by_role("link", name="GetAirport", exact=True).click()
        await page.locator(".signature").get_by_role("link", name="GetAirportRequest").click()
        assert page.url.endswith("#readback.flightdata.v1.GetAirportRequest")
        broken = await page.evaluate(
            "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
            ".filter(id => !document.getElementById(id))"
        )
        assert broken == []
        assert [one for one in requests if not one.startswith((url, "data:"))] == []
        assert problems == []


async def test_pages_forbid_other_hosts_inline_scripts_and_frames(mesh: Mesh) -> None:
    async with mesh.http_gateway() as url, httpx.AsyncClient(base_url=url) as client:
        for path in ("/docs", "/docs/grpc", "/docs/assets/swagger-ui-bundle.js"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            again = await client.get(path, headers={"if-none-match": headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
