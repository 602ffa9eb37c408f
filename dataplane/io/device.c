/* SPDX-License-Identifier: BSD-3-Clause */
/* What is particular to each kind of DPDK device at the start: what to do where it is missing, and what a dead process left behind. */
#include "io/device.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MEMIF_SOCKET "/run/memif.sock" /* the driver's default */

const char *device_remedy(const char *device)
{
	static const struct {
		const char *driver, *remedy;
	} of[] = {
	        {"net_memif",
	         "the directory of socket= must exist and be writable, and no other server "
	         "may use it; a client may start before its server"},
	        {"net_af_packet",
	         "the interface that iface= names must exist (`ip link`), and opening "
	         "it needs CAP_NET_RAW"},
	        {"net_af_xdp",
	         "the interface that iface= names must exist (`ip link`), and opening it "
	         "needs CAP_NET_ADMIN and CAP_BPF"},
	        {"net_tap",
	         "it needs /dev/net/tun and CAP_NET_ADMIN, and no other interface of the "
	         "name in iface="},
	        {"net_pcap", "the file or interface that it names must exist and be readable"},
	        {"net_virtio_user",
	         "the socket or device that path= names must exist and be writable"},
	};

	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (strncmp(device, of[i].driver, strlen(of[i].driver)) == 0)
			return of[i].remedy;
	if (strncmp(device, "net_", 4) == 0)
		return "is the driver's name spelt right, net_DRIVER0,..., and its package "
		       "installed?";
	return "a PCI device must be bound to vfio-pci (`dpdk-devbind.py --status` lists them)";
}

/* The value of an argument of the device, as a string of its own. False: it has none, or one that is too long. */
static bool argument(const char *device, const char *key, char *value, size_t cap)
{
	size_t len = strlen(key);

	for (const char *p = strchr(device, ','); p; p = strchr(p, ',')) {
		size_t n;

		p++;
		if (strncmp(p, key, len) != 0 || p[len] != '=')
			continue;
		n = strcspn(p + len + 1, ",");
		if (n >= cap)
			return false;
		memcpy(value, p + len + 1, n);
		value[n] = '\0';
		return true;
	}
	return false;
}

/* Whether a socket file is there that nobody listens on. syscalls: lstat socket connect close */
static bool is_stale(const struct sockaddr_un *at)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(at->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static bool is_memif(const char *device)
{
	return strncmp(device, "net_memif", 9) == 0;
}

static bool is_server(const char *device)
{
	char word[16];

	return argument(device, "role", word, sizeof(word)) &&
	       (strcmp(word, "server") == 0 || strcmp(word, "master") == 0);
}

bool device_is_client(const char *device)
{
	return is_memif(device) && !is_server(device);
}

static bool interface(const char *device, char *name, size_t cap)
{
	return (strncmp(device, "net_af_packet", 13) == 0 ||
	        strncmp(device, "net_af_xdp", 10) == 0) &&
	       argument(device, "iface", name, cap);
}

/* The kernel's reports of interfaces; -1: not asked for, or not to be had. Open until the process ends. */
static int reports = -1;

/* syscalls: socket bind close */
static void reports_open(void)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};

	if (reports >= 0)
		return;
	reports = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (reports >= 0 && bind(reports, (struct sockaddr *)&at, sizeof(at)) != 0) {
		close(reports);
		reports = -1;
	}
}

/* syscalls: recv */
unsigned device_next_deleted(void)
{
	/* Each report is a message of its own; its attributes, which are cut off here, do not matter. */
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} m;
	ssize_t n;

	if (reports < 0)
		return 0;
	while ((n = recv(reports, &m, sizeof(m), 0)) >= 0 || errno == ENOBUFS || errno == EINTR)
		if (n == (ssize_t)sizeof(m) && m.head.nlmsg_type == RTM_DELLINK &&
		    m.info.ifi_family == AF_UNSPEC && m.info.ifi_index > 0)
			return (unsigned)m.info.ifi_index;
	return 0;
}

struct device_on device_on(const char *device)
{
	struct device_on on = {0};

	if (!interface(device, on.name, sizeof(on.name)))
		return on;
	reports_open(); /* before the number is asked for, so that no deletion after that is missed */
	on.number = if_nametoindex(on.name);
	return on;
}

bool device_on_missing(const char *device)
{
	char name[32];

	return interface(device, name, sizeof(name)) && device_on(device).number == 0;
}

/* The socket that a memif server of this name makes in the file system. False: it makes none. */
static bool server_socket(const char *device, struct sockaddr_un *at)
{
	char word[16];

	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!is_memif(device) || !is_server(device))
		return false;
	/* Without this argument the driver uses the abstract name space, which forgets dead owners by itself. */
	if (!argument(device, "socket-abstract", word, sizeof(word)) || strcmp(word, "no") != 0)
		return false;
	if (!argument(device, "socket", at->sun_path, sizeof(at->sun_path)))
		snprintf(at->sun_path, sizeof(at->sun_path), "%s", MEMIF_SOCKET);
	return true;
}

/* syscalls: unlink */
void device_clean(const char *device)
{
	struct sockaddr_un at;

	if (server_socket(device, &at) && is_stale(&at))
		(void)unlink(at.sun_path);
}

/* syscalls at the start: lchown */
void device_give(const char *device, uint32_t uid, uint32_t gid)
{
	struct sockaddr_un at;

	if (server_socket(device, &at))
		(void)!lchown(at.sun_path, uid, gid);
}
