/* SPDX-License-Identifier: Apache-2.0 */
/* banned.h - calls that must not compile; included before every file by the Makefile. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#undef strcpy
#undef strcat
#undef strncpy
#undef sprintf
#undef strtok
#undef system
#undef popen
#undef mktemp
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol gmtime localtime system popen mktemp
