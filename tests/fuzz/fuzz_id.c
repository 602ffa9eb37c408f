/* SPDX-License-Identifier: BSD-3-Clause */
/* Any characters as an id: refused, or the text of the id that came out, but for dots, case and suffix. */
#include "tests/fuzz/harness.h"

#include "wire/id.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_id id, again;
	char text[ID_TEXT_LEN + 1], host[ID_HOST_LEN + 1], bare[ID_TEXT_LEN + 1];
	char *in = malloc(size + 1);
	size_t n = 0;

	if (size)
		memcpy(in, data, size);
	if (id_parse(in, size, &id) == ID_PARSE_OK) {
		id_to_text(&id, text);
		id_to_host(&id, host);
		for (size_t i = 0; i < size && n < ID_TEXT_LEN; i++)
			if (in[i] != '.')
				bare[n++] =
				        (char)(in[i] >= 'A' && in[i] <= 'Z' ? in[i] + 32 : in[i]);
		if (n != ID_TEXT_LEN || memcmp(bare, text, n) != 0 ||
		    id_parse(host, ID_HOST_LEN, &again) != ID_PARSE_OK || !id_eq(&id, &again))
			__builtin_trap();
	}
	free(in);
	return 0;
}
