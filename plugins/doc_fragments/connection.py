# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The same table as CONNECTION_OPTIONS in module_utils/_options.py; a test holds the two together.
    DOCUMENTATION = r"""
options:
  api_key:
    description:
      - The Coralogix API key. Send-Your-Data keys do not work here.
      - >-
        If it is not set, the environment variables E(CORALOGIX_API_KEY) and then E(CX_API_KEY) are used.
        As all environment variables named here, they are those of the host that the module runs on.
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
        The region of the Coralogix account, one of V(ap1), V(ap2), V(ap3), V(eu1), V(eu2), V(us1), V(us2) and V(us3).
        The host is then C(api.<region>.coralogix.com).
      - At most one of O(region), O(domain) and O(api_url) can be given.
      - >-
        If none of the three is, the first of the environment variables E(CORALOGIX_URL), E(CORALOGIX_DOMAIN),
        E(CORALOGIX_REGION) and E(CX_REGION) that is set decides;
        without any, it is C(https://api.coralogix.com), which is region V(eu1).
    type: str
  domain:
    description:
      - The domain of the Coralogix account, such as V(eu2.coralogix.com). The host is then C(api.<domain>).
      - A domain that begins with C(api.) is taken as the host itself.
      - See O(region) for what holds if it is not set; its environment variable is E(CORALOGIX_DOMAIN).
    type: str
  api_url:
    description:
      - >-
        The host of the API as a URL, such as V(https://api.eu2.coralogix.com), to which
        C(/mgmt/openapi/<api_version>) is added;
        or the whole base of the API, ending in C(/mgmt/openapi/<version>), which is taken as it is.
      - Has to be C(https); plain C(http) is accepted for the loopback interface only.
      - See O(region) for what holds if it is not set; its environment variable is E(CORALOGIX_URL).
    type: str
  api_version:
    description:
      - The version of the Coralogix API to use.
      - >-
        V(latest) works with all of them: the first read finds out which routes the service has.
        A pinned version spares the further request that this may take.
      - API version 5 takes only UUIDs as incident IDs.
    type: str
    choices:
      - latest
      - '3'
      - '4'
      - '5'
    default: latest
  timeout:
    description:
      - Seconds to wait for each connection and each read, more than 0 and at most 3600.
    type: float
    default: 30.0
  retries:
    description:
      - >-
        How often a request is tried again after a connection error, a broken or truncated answer, or one of the HTTP
        statuses 429, 500, 502, 503 and 504.
      - >-
        The waits between the tries grow and vary; a C(Retry-After) header is honoured.
        All waits for one request together take 125 seconds at most.
    type: int
    default: 4
  validate_certs:
    description:
      - Whether to verify the TLS certificate of the API.
    type: bool
    default: true
  ca_path:
    description:
      - A file or folder with the certificates of the authorities to trust, in PEM form.
      - >-
        If it is not set, the environment variables E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE) are used, and else what
        comes with the Python library C(requests).
    type: path
requirements:
  - requests >= 2.28 (Python library)
notes:
  - >-
    The module needs only the API, so that it is usually run on the control node: with C(hosts: localhost) or
    C(delegate_to: localhost).
  - >-
    Proxies are taken from the environment variables E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY).
    Redirects are not followed, so that the API key goes to no other host, and no C(.netrc) entry replaces it.
"""
