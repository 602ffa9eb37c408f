/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and texts of the drop reasons. */
#include "table/drop.h"

const struct drop_row drop_rows[DROP_REASONS] = {
#define X(id, name, text) [DROP_##id] = {name, text},
        DROP_ROWS(X)
#undef X
};
