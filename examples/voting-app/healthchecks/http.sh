#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Healthy when the web server in this container answers / with status 200.
# bash alone is enough for that, so the images need no curl.
exec 3<>/dev/tcp/127.0.0.1/80 || exit 1
printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
