/* SPDX-License-Identifier: BSD-3-Clause */
/* Key files: private from the first moment, never overwritten, nothing left behind; what is not one is refused by its reason. */
#include "base/cc.h"
#include "crypto/identity.h"
#include "libcoyo/tool/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/keys.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static size_t read_file(char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, cap, f);
	fclose(f);
	return n;
}

static void write_file(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* What keys_show() prints. */
static int show(char *out, size_t cap, char why[COYO_WHY_MAX])
{
	int saved = dup(STDOUT_FILENO), pipes[2], r;
	ssize_t n;

	fflush(stdout);
	assert_int_equal(pipe(pipes), 0);
	assert_true(dup2(pipes[1], STDOUT_FILENO) >= 0);
	close(pipes[1]);
	r = keys_show(path, why);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	n = read(pipes[0], out, cap - 1);
	close(pipes[0]);
	out[n > 0 ? n : 0] = '\0';
	return r;
}

static void test_generate_and_show(void **state)
{
	char why[COYO_WHY_MAX], text[1024], shown[1024], id[ID_TEXT_LEN + 1];
	struct identity me;
	struct stat st;
	size_t n;

	(void)state;
	umask(0);
	assert_int_equal(keys_generate(path, why), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	n = read_file(text, sizeof(text));
	assert_int_equal(identity_from_text(&me, text, n), 0);
	id_to_text(&me.id, id);
	assert_int_equal(show(shown, sizeof(shown), why), 0);
	assert_non_null(strstr(shown, id));
	assert_string_equal(strrchr(shown, ' ') + 1 + ID_TEXT_LEN,
	                    "\n"); /* the last word is the id */
	assert_memory_equal(strrchr(shown, ' ') + 1, id, ID_TEXT_LEN);
}

static void test_never_overwritten(void **state)
{
	char why[COYO_WHY_MAX], text[1024];

	(void)state;
	write_file("mine\n", 5);
	assert_int_equal(keys_generate(path, why), -EEXIST);
	assert_non_null(strstr(why, "never overwritten"));
	assert_int_equal(read_file(text, sizeof(text)), 5);
	assert_memory_equal(text, "mine\n", 5);
	/* Nor through a symbolic link that leads nowhere yet. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_true(keys_generate(path, why) < 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_refused(void **state)
{
	char why[COYO_WHY_MAX], text[1024], shown[64];
	size_t n;
	char *line;

	(void)state;
	assert_int_equal(show(shown, sizeof(shown), why), -ENOENT);
	assert_non_null(strstr(why, "cannot open"));
	write_file("hello\n", 6);
	assert_int_equal(show(shown, sizeof(shown), why), -EINVAL);
	assert_non_null(strstr(why, "is not a key file"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(keys_generate(path, why), 0);
	n = read_file(text, sizeof(text) - 1);
	text[n] = '\0';
	line = strrchr(text, ' ') ? strrchr(text, ' ') + 5 : text + n - 10;
	*line = *line == 'a' ? 'b' : 'a'; /* one character mistyped */
	write_file(text, n);
	assert_int_equal(show(shown, sizeof(shown), why), -EBADMSG);
	assert_non_null(strstr(why, "damaged"));
	assert_string_equal(shown, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_generate_and_show, make_folder, remove_folder),
	        cmocka_unit_test_setup_teardown(test_never_overwritten, make_folder, remove_folder),
	        cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("libcoyo keys", tests, NULL, NULL);
}
