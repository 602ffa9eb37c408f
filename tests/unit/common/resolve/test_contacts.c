/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of contacts: who is asked for which, what cannot be shadowed, what is kept, and what is refused of a file. */
#include "resolve/contacts.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1700000000u

static char home[64], why[PETNAMES_WHY_MAX], text[VOUCHED_TEXT_MAX];
static struct node_id alice, bob, x, y;
static struct names own;

static int make_home(void **state)
{
	memset(alice.b, 1, ID_BYTES);
	memset(bob.b, 2, ID_BYTES);
	memset(x.b, 3, ID_BYTES);
	memset(y.b, 4, ID_BYTES);
	snprintf(home, sizeof(home), "/tmp/coyo-test-XXXXXX");
	assert_non_null(mkdtemp(home));
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	return 0;
}

static int remove_home(void **state)
{
	char command[128];

	names_free(&own);
	snprintf(command, sizeof(command), "rm -rf %s", home);
	return system(command);
}

/* Keeps a list of one name for x. */
static int keep(const struct node_id *signer, const char *name, uint64_t serial, uint64_t expires)
{
	struct vouched v = {.signer = *signer, .serial = serial, .expires = expires};
	size_t n;
	int r;

	assert_int_equal(names_add(&v.names, name, &x), 0);
	vouched_write(&v, text);
	n = vouched_write_signature(&v, text);
	r = contacts_keep(&v, text, n, why);
	vouched_free(&v);
	return r;
}

static int find(const char *name)
{
	struct node_id id = {{0}};
	int r = contacts_find(&own, name, NOW, &id, why);

	if (r == 0)
		assert_true(id_eq(&id, &x));
	return r;
}

static void path_of(const struct node_id *signer, char path[256])
{
	char id[ID_TEXT_LEN + 1];

	id_to_text(signer, id);
	snprintf(path, 256, "%s/.config/coyo/contacts/%s", home, id);
}

static void found_below_the_contact(void **state)
{
	assert_int_equal(names_add(&own, "alice", &alice), 0);
	assert_int_equal(find("nas.alice"), 1);
	assert_int_equal(keep(&alice, "nas", 1, 0), 0);
	assert_int_equal(find("nas.alice"), 0);
	assert_int_equal(find("nas"), 1);
	assert_int_equal(find("alice"), 1);
	assert_int_equal(find("nat.alice"), 1);
	assert_int_equal(find("nas.bob"), 1);
	assert_int_equal(find("nas.home.alice"), 1);
	/* Under every name that the user has for that id, and under none that is another's by now. */
	assert_int_equal(names_add(&own, "al.work", &alice), 0);
	assert_int_equal(find("nas.al.work"), 0);
	names_free(&own);
	assert_int_equal(names_add(&own, "alice", &bob), 0);
	assert_int_equal(find("nas.alice"), 1);
}

/* Whom the longest end names is asked, and nobody else: one contact cannot name nodes of another. */
static void longest_contact_is_asked(void **state)
{
	assert_int_equal(names_add(&own, "work", &alice), 0);
	assert_int_equal(keep(&alice, "nas.bob", 1, 0), 0);
	assert_int_equal(find("nas.bob.work"), 0);
	assert_int_equal(names_add(&own, "bob.work", &bob), 0);
	assert_int_equal(find("nas.bob.work"), 1);
	assert_int_equal(keep(&bob, "nas", 1, 0), 0);
	assert_int_equal(find("nas.bob.work"), 0);
}

/* An own name is never a contact's, whatever the list has. */
static void own_names_are_not_shadowed(void **state)
{
	struct app_request req;
	struct node_id id;

	assert_int_equal(petnames_add("alice", &alice, why), 0);
	assert_int_equal(petnames_add("nas.alice", &y, why), 0);
	assert_int_equal(keep(&alice, "nas", 1, 0), 0);
	assert_int_equal(resolve_own("nas.alice.coyo", &req, &id, why), 0);
	assert_true(id_eq(&id, &y));
	assert_int_equal(petnames_remove("nas.alice", why), 0);
	assert_int_equal(resolve_own("NAS.alice.coyo", &req, &id, why), 0);
	assert_true(id_eq(&id, &x));
	assert_int_equal(resolve_own("nas", &req, &id, why), RESOLVE_ASK);
	assert_string_equal(req.name, "nas");
}

static void newer_replaces_older(void **state)
{
	assert_int_equal(names_add(&own, "alice", &alice), 0);
	assert_int_equal(keep(&alice, "nas", 5, 0), 0);
	assert_int_equal(keep(&alice, "nas", 5, 0), 1);
	assert_int_equal(keep(&alice, "other", 5, 0), -ESTALE);
	assert_int_equal(keep(&alice, "nas", 4, 0), -ESTALE);
	assert_non_null(strstr(why, "serial 4"));
	assert_int_equal(find("nas.alice"), 0);
	assert_int_equal(keep(&alice, "other", 6, 0), 0);
	assert_int_equal(find("nas.alice"), 1);
	assert_int_equal(find("other.alice"), 0);
	assert_int_equal(contacts_forget(&alice, why), 0);
	assert_int_equal(contacts_forget(&alice, why), -ENOENT);
	assert_int_equal(find("other.alice"), 1);
	assert_int_equal(keep(&alice, "nas", 1, 0), 0);
}

static void expired_is_said(void **state)
{
	struct node_id id;
	char name[NAMES_NAME_MAX + 1];

	assert_int_equal(names_add(&own, "alice", &alice), 0);
	assert_int_equal(keep(&alice, "nas", 1, NOW), 0);
	assert_int_equal(find("nas.alice"), -ESTALE);
	assert_non_null(strstr(why, "alice"));
	assert_int_equal(find("nat.alice"), 1);
	assert_int_equal(contacts_of_start(&own, x.b, NOW, &id, name, why), 1);
	assert_int_equal(keep(&alice, "nas", 2, NOW + 1), 0);
	assert_int_equal(find("nas.alice"), 0);
	assert_int_equal(contacts_of_start(&own, x.b, NOW, &id, name, why), 0);
	assert_string_equal(name, "nas.alice");
	assert_true(id_eq(&id, &x));
	assert_int_equal(contacts_of_start(&own, y.b, NOW, &id, name, why), 1);
}

static int count(void *arg, const struct vouched *v)
{
	*(unsigned *)arg += v->names.n;
	return 0;
}

static void file_is_the_users_alone(void **state)
{
	char path[256], other[256];
	unsigned n = 0;
	struct stat st;
	FILE *f;

	assert_int_equal(names_add(&own, "alice", &alice), 0);
	assert_int_equal(keep(&alice, "nas", 1, 0), 0);
	assert_int_equal(contacts_each(count, &n, why), 0);
	assert_int_equal(n, 1);
	path_of(&alice, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(find("nas.alice"), -EPERM);
	assert_int_equal(contacts_each(count, &n, why), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	/* A list under another signer's id is nobody's. */
	path_of(&bob, other);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(names_add(&own, "bob", &bob), 0);
	assert_int_equal(find("nas.alice"), 1);
	assert_int_equal(find("nas.bob"), -EINVAL);
	assert_non_null(strstr(why, "another signer's; remove the file"));
	/* What is no list can be forgotten. */
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("hello\n", f);
	fclose(f);
	assert_int_equal(find("nas.alice"), -EINVAL);
	assert_int_equal(keep(&alice, "nas", 9, 0), -EINVAL);
	assert_int_equal(contacts_forget(&alice, why), 0);
	assert_int_equal(keep(&alice, "nas", 9, 0), 0);
	assert_int_equal(truncate(path, VOUCHED_TEXT_MAX + 1), 0);
	assert_int_equal(find("nas.alice"), -EFBIG);
}

static void no_home(void **state)
{
	unsigned n = 0;

	unsetenv("HOME");
	assert_int_equal(keep(&alice, "nas", 1, 0), -ENOENT);
	assert_int_equal(contacts_each(count, &n, why), 0);
	assert_int_equal(n, 0);
}

static void joined_names_are_names(void **state)
{
	char name[NAMES_NAME_MAX + 1], half[55], long_name[NAMES_NAME_MAX + 1];

	assert_true(contacts_join("nas.home", "alice", name));
	assert_string_equal(name, "nas.home.alice");
	/* Together as long as an id: they would be read as one. */
	memset(half, 'a', 54);
	half[54] = '\0';
	assert_false(contacts_join(half, half, name));
	memset(long_name, 'b', 63);
	memset(long_name + 64, 'b', NAMES_NAME_MAX - 64);
	long_name[63] = '.';
	long_name[NAMES_NAME_MAX] = '\0';
	assert_false(contacts_join(long_name, long_name, name));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_home, remove_home)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(found_below_the_contact),
	        TEST(longest_contact_is_asked),
	        TEST(own_names_are_not_shadowed),
	        TEST(newer_replaces_older),
	        TEST(expired_is_said),
	        TEST(file_is_the_users_alone),
	        TEST(no_home),
	        TEST(joined_names_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
