#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Healthy when Redis answers, on the address that the other containers use.
[ "$(redis-cli -h "$(hostname)" ping)" = PONG ]
