/* SPDX-License-Identifier: BSD-3-Clause */
/* Who hears what in a whole node. */
#pragma once
#include "core/news.h"

/* The table that node_new() gives to every part. */
extern const struct news node_news;
