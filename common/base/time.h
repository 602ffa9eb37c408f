/* SPDX-License-Identifier: BSD-3-Clause */
/* Instants on a monotonic clock that the caller owns; nothing in this project's pure parts reads one. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds since an arbitrary origin, never negative. Durations are plain int64_t, named *_ns. */
struct instant {
	int64_t ns;
};

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

/* "No deadline": later than every instant that occurs. */
#define INSTANT_NEVER ((struct instant){.ns = INT64_MAX})

/* The instant d_ns after t (before it where d_ns is negative). A sum past the end of time is INSTANT_NEVER, so that a long duration added
 * to a late instant stays a deadline that does not come; the sum must not lie before the origin. */
static inline struct instant instant_add(struct instant t, int64_t d_ns)
{
	int64_t sum;

	if (__builtin_add_overflow(t.ns, d_ns, &sum))
		return INSTANT_NEVER;
	return (struct instant){.ns = sum};
}

/* a - b in ns; negative when a is earlier. */
static inline int64_t instant_sub(struct instant a, struct instant b)
{
	return a.ns - b.ns;
}

/* True when a is earlier than b; false when they are equal. */
static inline bool instant_before(struct instant a, struct instant b)
{
	return a.ns < b.ns;
}

/* True when a deadline has come: t <= now. */
static inline bool instant_reached(struct instant t, struct instant now)
{
	return t.ns <= now.ns;
}

/* The earlier of two deadlines; INSTANT_NEVER gives way to any other. */
static inline struct instant instant_min(struct instant a, struct instant b)
{
	return a.ns < b.ns ? a : b;
}

/* True for INSTANT_NEVER: there is no deadline. */
static inline bool instant_is_never(struct instant t)
{
	return t.ns == INT64_MAX;
}
