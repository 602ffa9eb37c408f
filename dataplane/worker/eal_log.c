/* SPDX-License-Identifier: BSD-3-Clause */
/* What DPDK logs, line by line to whoever starts it. DPDK's own way writes to stderr and to the system log, and waits for both. */
#include "worker/eal_log.h"

#include <rte_log.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define LINE_MAX_BYTES 512

static enum dp_log_level level_now(void)
{
	int level = rte_log_cur_msg_loglevel();

	return level >= 0 && level <= (int)RTE_LOG_ERR ? DP_LOG_ERROR
	       : level == (int)RTE_LOG_WARNING         ? DP_LOG_WARN
	                                               : DP_LOG_INFO;
}

static ssize_t take(void *cookie, const char *text, size_t n)
{
	const struct dp_cfg *cfg = cookie;
	const char *end = text + n;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((nl ? nl : end) - text);
		char line[LINE_MAX_BYTES];

		if (len) {
			snprintf(line, sizeof(line), "%.*s", (int)len, text);
			cfg->log(cfg->log_arg, level_now(), line);
		}
		text += len + (nl != NULL);
	}
	return (ssize_t)n;
}

FILE *eal_log_open(const struct dp_cfg *cfg)
{
	FILE *f = cfg->log ? fopencookie((void *)(uintptr_t)cfg, "w",
	                                 (cookie_io_functions_t){.write = take})
	                   : NULL;

	/* Each message is flushed by DPDK, so that a buffer only keeps its pieces together. */
	if (f)
		(void)rte_openlog_stream(f);
	return f;
}

/* syscalls: fclose */
void eal_log_close(FILE *f)
{
	if (!f)
		return;
	(void)rte_openlog_stream(NULL);
	fclose(f);
}
