/* SPDX-License-Identifier: BSD-3-Clause */
/* Which part hears which report in a whole node. */
#pragma once
#include "core/news.h"

/* The table that node_new() gives to every part. */
extern const struct news node_news;
