/* SPDX-License-Identifier: Apache-2.0 */
/* cppcheck.h - what cppcheck has to know of jansson without reading the system's headers. */
#pragma once
#define json_array_foreach(a, i, v) for ((i) = 0; ((v) = json_array_get((a), (i))); (i)++)
#define json_object_foreach(o, k, v) for ((k) = json_first((o)); ((v) = json_object_get((o), (k))); (k) = json_next((k)))
#define json_object_foreach_safe(o, n, k, v) json_object_foreach(o, k, v)
