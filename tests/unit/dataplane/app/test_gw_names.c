/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that applications ask for: those of the newest table, whatever was handed over before; none where none was. */
#include "gwtest.h"

static struct names *one_name(const char *name, const struct node_id *id)
{
	struct names empty = {0}, *t = names_clone(&empty);

	assert_non_null(t);
	assert_int_equal(names_add(t, name, id), 0);
	return t;
}

static void resolve(struct gateway *g, const char *name, struct app_answer *ans)
{
	struct app_request req = {.type = APP_REQ_RESOLVE};

	strcpy(req.name, name);
	gw_resolve(g, &req, ans);
}

static void test_newest_table(void **state)
{
	struct gwtest t;
	struct node_id a = {{1}}, b = {{2}};
	struct app_answer ans;

	gwtest_start(&t);
	resolve(&t.g, "nas", &ans);
	assert_true(ans.type == APP_ANS_ERROR && ans.err == ENOENT);
	assert_string_equal(ans.why,
	                    "nobody is called nas here: see [names] in coyod's configuration");
	gateway_set_names(&t.g, one_name("nas", &a));
	gateway_set_names(&t.g, one_name("nas", &b)); /* the first was never taken */
	resolve(&t.g, "nas", &ans);
	assert_true(ans.type == APP_ANS_IS && id_eq(&ans.id, &b));
	gateway_set_names(&t.g, one_name("phone", &a));
	resolve(&t.g, "nas", &ans);
	assert_int_equal(ans.err, ENOENT);
	resolve(&t.g, "phone", &ans);
	assert_true(id_eq(&ans.id, &a));
	gateway_set_names(&t.g, one_name("left", &a));
	gw_names_end(&t.g);
	gwtest_end(&t);
}

static void test_name_of_an_id(void **state)
{
	struct app_request req = {.type = APP_REQ_NAME, .id = {{1}}};
	struct app_answer ans;
	struct node_id a = {{1}};
	struct gwtest t;

	gwtest_start(&t);
	a.b[63] = 5;
	gateway_set_names(&t.g, one_name("nas", &a));
	gw_resolve(&t.g, &req, &ans);
	assert_true(ans.type == APP_ANS_ERROR && ans.err == ENOENT && *ans.why);
	req.start = true;
	gw_resolve(&t.g, &req, &ans);
	assert_true(ans.type == APP_ANS_IS && id_eq(&ans.id, &a));
	assert_string_equal(ans.name, "nas");
	req = (struct app_request){.type = APP_REQ_NAME, .id = a};
	gw_resolve(&t.g, &req, &ans);
	assert_string_equal(ans.name, "nas");
	gw_names_end(&t.g);
	gwtest_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_newest_table),
	        cmocka_unit_test(test_name_of_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
