/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's headers as this project includes them: rte_cycles.h defines NS_PER_S as an int, which would narrow ours. */
#pragma once
#include "base/time.h"

#pragma push_macro("NS_PER_S")
#undef NS_PER_S
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#pragma pop_macro("NS_PER_S")
