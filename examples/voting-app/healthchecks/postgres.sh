#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Healthy when the database takes a query over the network: while it is being set up it does not
# listen there yet.
export PGPASSWORD="$POSTGRES_PASSWORD"
answer=$(psql -h "$(hostname)" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -qtAc 'SELECT 1') && [ "$answer" = 1 ]
