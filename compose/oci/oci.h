/* SPDX-License-Identifier: Apache-2.0 */
/* oci.h - the OCI command line: `compose oci COMMAND`, or the program called as compose-oci.
 * runs in: a short-lived process of its own, called by podman's conmon, containerd's shim, or a person.
 * owns: nothing.   layer: oci.   spec: OCI runtime-spec "Runtime and Lifecycle"; options as runc has them */
#pragma once

/* ret: exit status; `run` and `exec`: the command's own */
int oci_main(int argc, char **argv);
