/* SPDX-License-Identifier: Apache-2.0 */
/* port_owner.h - who holds a port of this host.   runs in: client.   owns: nothing.   layer: engine. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* in: udp: else tcp. ret: "nginx (pid 812)", caller frees; NULL when nobody listens there, or it cannot be seen who */
char *port_owner(uint16_t port, bool udp);
