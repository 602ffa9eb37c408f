/* SPDX-License-Identifier: BSD-3-Clause */
/* What older C libraries do not tell about the kernel's UDP. */
#pragma once
#include <linux/udp.h>
#include <netinet/in.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
