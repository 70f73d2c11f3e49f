# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The same table as CONNECTION_OPTIONS in module_utils/_settings.py. A test compares the two.
    DOCUMENTATION = r"""
options:
  api_key:
    description:
      - The Coralogix API key. Send-Your-Data keys do not work here.
      - >-
        If it is not set, the environment variables E(CORALOGIX_API_KEY) and then E(CX_API_KEY) are used.
        All environment variables named here are those of the host that the task runs on.
    type: str
  auth_scheme:
    description:
      - How the key is sent.
      - "V(bearer) sends C(Authorization: Bearer <key>), V(raw) sends C(Authorization: <key>)."
      - A key that already begins with C(Bearer) and a blank is sent as it is.
    type: str
    choices:
      - bearer
      - raw
    default: bearer
  region:
    description:
      - >-
        The region of the Coralogix account: V(ap1), V(ap2), V(ap3), V(eu1), V(eu2), V(us1), V(us2) or V(us3).
        The host is then C(api.<region>.coralogix.com).
      - Set at most one of O(region), O(domain) and O(api_url).
      - >-
        If none of the three is set, the first of the environment variables E(CORALOGIX_URL), E(CORALOGIX_DOMAIN),
        E(CORALOGIX_REGION) and E(CX_REGION) that is set names the host.
        Without any, it is C(https://api.coralogix.com), which is region V(eu1).
    type: str
  domain:
    description:
      - The domain of the Coralogix account, such as V(eu2.coralogix.com). The host is then C(api.<domain>).
      - A domain that begins with C(api.) is the host itself.
      - See O(region) for what happens if it is not set. Its environment variable is E(CORALOGIX_DOMAIN).
    type: str
  api_url:
    description:
      - >-
        The host of the API as a URL, such as V(https://api.eu2.coralogix.com). C(/mgmt/openapi/<api_version>) is added.
        Or the whole base URL of the API, which ends in C(/mgmt/openapi/<version>).
      - It must be C(https). Plain C(http) is accepted for the loopback interface only.
      - See O(region) for what happens if it is not set. Its environment variable is E(CORALOGIX_URL).
    type: str
  team_id:
    description:
      - The number of the Coralogix team. The account's settings in Coralogix show it.
      - Only needed where users are given by e-mail address, and by M(coralogix.incidents.user_info).
      - If it is not set, the environment variable E(CORALOGIX_TEAM_ID) is used.
    type: int
  api_version:
    description:
      - The version of the Coralogix API to use.
      - >-
        V(latest) works with all of them: the first read finds out which routes the service has.
        A pinned version saves the extra request that this may take.
      - API version 5 accepts only UUIDs as incident IDs.
    type: str
    choices:
      - latest
      - '3'
      - '4'
      - '5'
    default: latest
  timeout:
    description:
      - Seconds for each connect, over all addresses of the host, and for each answer as a whole. More than 0, at most
        3600.
      - A server that sends its answer byte by byte does not extend it.
    type: float
    default: 30.0
  deadline:
    description:
      - Seconds for the whole task. More than 0, at most 86400.
      - When they have passed, no further request, retry or page begins. If something was written before, one read still
        verifies it.
      - Without it, O(timeout) and O(retries) bound each request. With their defaults, one request to a service that
        never answers ends after about two and a half minutes, and a task can take up to an hour.
    type: float
  retries:
    description:
      - >-
        How often a request is retried after a connection error, a broken answer, or one of the HTTP statuses 429, 500,
        502, 503, 504, 520 to 524 and 529.
      - The waits in between grow, and vary at random. C(Retry-After) is honoured. All waits of one request together
        take at most 125 seconds.
      - Before a write is retried, the module reads again, and writes only what still needs it.
    type: int
    default: 4
  validate_certs:
    description:
      - Whether to verify the TLS certificate of the API.
    type: bool
    default: true
  ca_path:
    description:
      - A file, or a folder hashed by C(openssl rehash), with the certificates of trusted authorities in PEM format.
      - >-
        If it is not set, the environment variables E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE) are used, and otherwise
        the certificates that come with the Python library C(requests).
    type: path
requirements:
  - requests >= 2.28 (Python library)
notes:
  - >-
    The task only needs to reach the API, so it usually runs on the control node: use C(hosts: localhost) or
    C(delegate_to: localhost).
  - Proxies are taken from the environment variables E(HTTPS_PROXY), E(HTTP_PROXY), E(ALL_PROXY) and E(NO_PROXY).
  - Redirects are not followed, so that the API key goes to no other host. No C(.netrc) entry replaces the key.
"""
