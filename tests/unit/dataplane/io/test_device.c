/* SPDX-License-Identifier: BSD-3-Clause */
/* What a dead process left where a device is to be made, and what the operator is told about one that is missing. */
#include "io/device.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/coyo-device-XXXXXX";
static struct sockaddr_un at = {.sun_family = AF_UNIX};

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/m", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)unlink(at.sun_path);
	return rmdir(folder);
}

static int listening(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static bool there(void)
{
	return access(at.sun_path, F_OK) == 0;
}

static void clean(const char *form)
{
	char device[300];

	snprintf(device, sizeof(device), form, at.sun_path);
	device_clean(device);
}

static void test_stale_socket_of_a_dead_server(void **state)
{
	static const char *const others[] = {
	        "net_memif0,role=client,socket=%s,socket-abstract=no",
	        "net_memif0,role=server,socket=%s,socket-abstract=yes",
	        "net_memif0,role=server,socket=%s",
	        "net_memif0,socket=%s,socket-abstract=no",
	        "net_memif0,role=server,socket=%sX,socket-abstract=no",
	        "net_pcap0,role=server,socket=%s,socket-abstract=no",
	};
	int fd = listening();

	clean("net_memif0,role=server,socket=%s,socket-abstract=no");
	assert_true(there()); /* its owner lives */
	close(fd);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		clean(others[i]);
		assert_true(there());
	}
	clean("net_memif0,role=server,socket=%s,socket-abstract=no");
	assert_false(there());
	clean("net_memif0,role=server,socket=%s,socket-abstract=no"); /* nothing is there */
	close(listening());
	clean("net_memif1,id=3,socket-abstract=no,socket=%s,role=master");
	assert_false(there());
}

static void test_other_files_stay(void **state)
{
	int fd = open(at.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	clean("net_memif0,role=server,socket=%s,socket-abstract=no");
	assert_true(there());
	assert_int_equal(unlink(at.sun_path), 0);
}

static void test_remedy_is_the_devices_own(void **state)
{
	static const struct {
		const char *device, *says;
	} row[] = {
	        {"net_memif0,role=server,id=0", "socket="},
	        {"net_af_packet0,iface=eth9", "iface="},
	        {"net_af_xdp0,iface=eth9", "CAP_BPF"},
	        {"net_tap0", "/dev/net/tun"},
	        {"net_pcap1,iface=lo", "readable"},
	        {"net_nosuch0", "spelt"},
	        {"0000:03:00.0", "vfio-pci"},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *remedy = device_remedy(row[i].device);

		assert_non_null(strstr(remedy, row[i].says));
		assert_int_equal(!strstr(remedy, "vfio-pci"), i + 1 < sizeof(row) / sizeof(row[0]));
	}
}

/* The interface is watched by its number; a device that stands on none is never missing one. */
static void test_interface_under_a_device(void **state)
{
	struct device_on on = device_on("net_af_packet0,iface=lo,qpairs=1");

	assert_string_equal(on.name, "lo");
	assert_int_not_equal(on.number, 0);
	assert_false(device_on_missing("net_af_packet0,iface=lo"));
	assert_true(device_on_missing("net_af_packet0,iface=nosuch0"));
	assert_true(device_on_missing("net_af_xdp0,iface=nosuch0"));
	assert_int_equal(device_on("net_tap0,iface=lo").number, 0);
	assert_false(device_on_missing("net_tap0,iface=nosuch0"));
	assert_false(device_on_missing("0000:03:00.0"));
}

/* Without a role the driver takes a device for a client. */
static void test_memif_client(void **state)
{
	assert_true(device_is_client("net_memif0"));
	assert_true(device_is_client("net_memif0,role=client,id=1"));
	assert_false(device_is_client("net_memif0,role=server"));
	assert_false(device_is_client("net_memif0,id=1,role=master"));
	assert_false(device_is_client("net_tap0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_stale_socket_of_a_dead_server),
	        cmocka_unit_test(test_other_files_stay),
	        cmocka_unit_test(test_remedy_is_the_devices_own),
	        cmocka_unit_test(test_interface_under_a_device),
	        cmocka_unit_test(test_memif_client),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
