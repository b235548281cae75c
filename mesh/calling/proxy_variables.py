"""The environment's variables for a company's web proxy: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

Parts of Readback reach each other, LiveKit, Redis and databases directly, whatever these variables say. Only
requests to vendors use them.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mesh.settings import ConfigurationError


def ignore() -> None:
    """Remove the variables from this process and from its future children.

    LiveKit's SDK and the agents' framework send their connections through the proxy, some in spite of
    NO_PROXY, and have no setting for it.
    """
    for name in list(os.environ):
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            del os.environ[name]


def proxy_for(url: str) -> str | None:
    """Return the proxy for requests to a vendor; None if there is none, or if NO_PROXY names the host.

    Vendors' keys are in their URLs, so plain http never goes through a proxy, which would read them.

    Raises:
        ConfigurationError: the proxy speaks another protocol than HTTP.
    """
    target, proxies = urlsplit(url), getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if target.scheme != "https" or not proxy or proxy_bypass(target.netloc):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"HTTPS_PROXY or ALL_PROXY names a {urlsplit(proxy).scheme} proxy, which is not supported for "
            f"{target.hostname}; set HTTPS_PROXY to an http:// proxy, or add the host to NO_PROXY."
        )
    return proxy
