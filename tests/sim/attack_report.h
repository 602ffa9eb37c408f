/* SPDX-License-Identifier: BSD-3-Clause */
/* An attack's figures as text and JSON, and whether they are within their bounds. */
#pragma once
#include "base/json.h"
#include "scenario.h"

/* Members of the object that is open in j. */
void attack_json(struct json *j, const struct attack_cfg *cfg, const struct attack_result *r);
/* Lines on standard output. */
void attack_text(const struct attack_cfg *cfg, const struct attack_result *r);
/* How many bounds do not hold, each with a line on stderr. Where any bound is set, nothing may be misdelivered or leaked either, and the
 * attacker must have lied. */
unsigned attack_beyond(const struct attack_cfg *cfg, const struct scenario_result *r);
