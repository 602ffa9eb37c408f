/* SPDX-License-Identifier: BSD-3-Clause */
/* QR codes by libqrencode, where coyo was built with it. */
#include "libcoyo/tool/qr.h"

#include <errno.h>
#include <stdio.h>

#ifdef HAVE_QRENCODE
#include <qrencode.h>
#include <stdbool.h>
#include <unistd.h>

#define MARGIN 4 /* light modules around it, which readers need */

static bool light(const QRcode *code, int x, int y)
{
	return x < 0 || y < 0 || x >= code->width || y >= code->width ||
	       !(code->data[y * code->width + x] & 1);
}

/* Blocks are light, as characters are on most terminals; on a terminal colours make sure of it. */
static void draw(const QRcode *code, bool colours)
{
	static const char *const blocks[2][2] = {{" ", "\xe2\x96\x84"},
	                                         {"\xe2\x96\x80", "\xe2\x96\x88"}};
	int end = code->width + MARGIN;

	for (int y = -MARGIN; y < end; y += 2) {
		fputs(colours ? "\033[40;97m" : "", stdout);
		for (int x = -MARGIN; x < end; x++)
			fputs(blocks[light(code, x, y)][y + 1 < end && light(code, x, y + 1)],
			      stdout);
		fputs(colours ? "\033[0m\n" : "\n", stdout);
	}
}

int qr_show(const struct node_id *id, char why[COYO_WHY_MAX])
{
	char text[ID_TEXT_LEN + 1];
	QRcode *code;

	id_to_text(id, text);
	code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 0); /* 0: as upper case */
	if (!code) {
		snprintf(why, COYO_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	draw(code, isatty(STDOUT_FILENO));
	QRcode_free(code);
	if (fflush(stdout) == 0)
		return 0;
	snprintf(why, COYO_WHY_MAX, "cannot write standard output");
	return -EIO;
}
#else
int qr_show(const struct node_id *id, char why[COYO_WHY_MAX])
{
	char text[ID_TEXT_LEN + 1];

	id_to_text(id, text);
	snprintf(why, COYO_WHY_MAX,
	         "this coyo was built without libqrencode and draws no QR code; the program "
	         "qrencode does: qrencode -t UTF8 -i %s",
	         text);
	return -ENOSYS;
}
#endif
