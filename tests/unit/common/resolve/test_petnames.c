/* SPDX-License-Identifier: BSD-3-Clause */
/* A user's own names: where their file is, what is refused of it, and how it changes. */
#include "resolve/petnames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char home[64], file[128], one[ID_TEXT_LEN + 1], two[ID_TEXT_LEN + 1];
static struct node_id a, b;

/* Some file systems refuse to sync a folder. */
static bool no_folder_sync;
int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	struct stat st;

	if (!no_folder_sync || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return __real_fsync(fd);
	errno = EINVAL;
	return -1;
}

static int make_home(void **state)
{
	snprintf(home, sizeof(home), "/tmp/coyo-test-XXXXXX");
	assert_non_null(mkdtemp(home));
	snprintf(file, sizeof(file), "%s/.config/coyo/names", home);
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	return 0;
}

static int remove_home(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", home);
	return system(command);
}

static void put(const char *format, ...)
{
	FILE *f;
	va_list ap;

	/* The folders come with the first name. */
	if (access(file, F_OK) != 0) {
		char why[PETNAMES_WHY_MAX];

		assert_int_equal(petnames_add("first", &a, why), 0);
	}
	f = fopen(file, "we");
	assert_non_null(f);
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	fclose(f);
}

static const char *contents(void)
{
	static char text[4096];
	FILE *f = fopen(file, "re");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void test_none(void **state)
{
	char why[PETNAMES_WHY_MAX];
	struct names t = {0};

	assert_int_equal(petnames_load(&t, why), 0);
	assert_int_equal(t.n, 0);
	unsetenv("HOME");
	assert_int_equal(petnames_load(&t, why), 0);
	assert_int_equal(petnames_add("nas", &a, why), -ENOENT);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	assert_int_equal(petnames_add("nas", &a, why), -ENOENT);
	assert_non_null(strstr(why, "HOME is not set"));
}

static void test_add_and_remove(void **state)
{
	char why[PETNAMES_WHY_MAX], expected[4096];
	struct names t = {0};
	struct stat st;

	assert_int_equal(petnames_add("nas", &a, why), 0);
	assert_int_equal(petnames_add("nas", &a, why), 1);
	assert_int_equal(petnames_add("nas", &b, why), -EEXIST);
	assert_non_null(strstr(why, one));
	assert_int_equal(petnames_add("phone.work", &b, why), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(petnames_load(&t, why), 0);
	assert_int_equal(t.n, 2);
	assert_true(id_eq(&names_find(&t, "phone.work")->id, &b));
	names_free(&t);
	assert_int_equal(petnames_remove("nas", why), 0);
	assert_int_equal(petnames_remove("nas", why), -ENOENT);
	assert_non_null(strstr(why, "no name of yours"));
	snprintf(expected, sizeof(expected), "%s phone.work\n", two);
	assert_string_equal(contents(), expected);
}

/* What a person has written stays: comments, other names of the line, a last line without its end. */
static void test_other_lines_stay(void **state)
{
	char why[PETNAMES_WHY_MAX], expected[4096];

	put("# mine\n\n%s NAS.coyo  box # in the cellar\n%s phone", one, two);
	assert_int_equal(petnames_add("more", &b, why), 0);
	snprintf(expected, sizeof(expected),
	         "# mine\n\n%s NAS.coyo  box # in the cellar\n%s phone\n%s more\n", one, two, two);
	assert_string_equal(contents(), expected);
	assert_int_equal(petnames_remove("nas", why), 0);
	assert_int_equal(petnames_remove("phone", why), 0);
	snprintf(expected, sizeof(expected), "# mine\n\n%s box # in the cellar\n%s more\n", one,
	         two);
	assert_string_equal(contents(), expected);
}

/* Names that are perhaps somebody else's mean nobody at all. */
static void test_refused(void **state)
{
	char why[PETNAMES_WHY_MAX], expected[256];
	struct names t = {0};

	put("%s nas\n", one);
	assert_int_equal(chmod(file, 0620), 0);
	assert_int_equal(petnames_load(&t, why), -EPERM);
	assert_non_null(strstr(why, "can be written by others"));
	assert_int_equal(petnames_add("more", &a, why), -EPERM);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(petnames_load(&t, why), 0);
	names_free(&t);
	put("%s nas\nnonsense\n", one);
	assert_int_equal(petnames_load(&t, why), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:2: ", file);
	assert_memory_equal(why, expected, strlen(expected));
	assert_int_equal(t.n, 0);
	put("%s nas\n%s nas\n", one, two);
	assert_int_equal(petnames_load(&t, why), -EEXIST);
	assert_int_equal(petnames_remove("nas", why), -EEXIST);
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(petnames_load(&t, why), -EPERM);
	assert_non_null(strstr(why, "is no file"));
}

/* What has been changed is not called a failure because the folder could not be synced. */
static void test_folder_that_cannot_be_synced(void **state)
{
	char why[PETNAMES_WHY_MAX], expected[4096];

	no_folder_sync = true;
	assert_int_equal(petnames_add("nas", &a, why), 0);
	assert_int_equal(petnames_add("phone", &b, why), 0);
	assert_int_equal(petnames_remove("nas", why), 0);
	no_folder_sync = false;
	snprintf(expected, sizeof(expected), "%s phone\n", two);
	assert_string_equal(contents(), expected);
}

/* Several at once: each waits for the one before, and none is lost. */
static void test_at_once(void **state)
{
	enum { MANY = 24 };
	char why[PETNAMES_WHY_MAX], name[16];
	struct names t = {0};
	int status, good = 0;

	for (int i = 0; i < MANY; i++)
		if (fork() == 0) {
			snprintf(name, sizeof(name), "n%d", i);
			_exit(petnames_add(name, &a, why) != 0);
		}
	while (wait(&status) > 0)
		good += status == 0;
	assert_int_equal(good, MANY);
	assert_int_equal(petnames_load(&t, why), 0);
	assert_int_equal(t.n, MANY);
	names_free(&t);
}

int main(void)
{
#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)
	const struct CMUnitTest tests[] = {
	        AT_HOME(test_none),
	        AT_HOME(test_add_and_remove),
	        AT_HOME(test_other_lines_stay),
	        AT_HOME(test_refused),
	        AT_HOME(test_folder_that_cannot_be_synced),
	        AT_HOME(test_at_once),
	};

	for (unsigned i = 0; i < ID_BYTES; i++) {
		a.b[i] = (uint8_t)(i + 1);
		b.b[i] = (uint8_t)(i + 2);
	}
	id_to_text(&a, one);
	id_to_text(&b, two);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
