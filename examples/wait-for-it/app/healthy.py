# SPDX-License-Identifier: Apache-2.0
"""Exit status 0 when the application answers."""

import urllib.request

urllib.request.urlopen("http://127.0.0.1:8000/", timeout=2).close()
