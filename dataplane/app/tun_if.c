/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN interface, by ioctl: what `ip tuntap`, `ip addr` and `ip link` would do. */
#include "app/tun_if.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>

/* Of Linux 6.2, which both IPv4's and IPv6's are asked of together. */
#define USO (0x20 | 0x40)

/* As linux/ipv6.h has it, which cannot be included beside the C library's headers. */
struct in6_request {
	struct in6_addr addr;
	uint32_t prefix_bits;
	int index;
};

/* What the three steps of an administrator are. */
static void remedy(const struct dp_tun_cfg *cfg, const uint8_t *addr, char *out, size_t cap)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, addr, text, sizeof(text));
	snprintf(out, cap,
	         "start coyod with CAP_NET_ADMIN, or let root say: ip tuntap add dev %s mode tun "
	         "user USER%s; ip addr add %s/%u dev %s; ip link set %s mtu %u up",
	         cfg->name, cfg->queues > 1 ? " multi_queue" : "", text, cfg->route ? 8 : 128,
	         cfg->name, cfg->name, cfg->mtu);
}

static void say_in_use(const struct dp_tun_cfg *cfg, char *err, size_t errcap)
{
	snprintf(err, errcap,
	         "[tun]: another process uses the interface %s: stop it, or give another name",
	         cfg->name);
}

/* Whether another process has opened the interface: one that nobody has has no carrier.
 * syscalls at the start: socket ioctl close */
static bool in_use(const char *name)
{
	struct ifreq r = {0};
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool running;

	memcpy(r.ifr_name, name, sizeof(r.ifr_name));
	running = s >= 0 && ioctl(s, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_RUNNING);
	if (s >= 0)
		close(s);
	return running;
}

/* syscalls at the start: open ioctl close */
static int attach(const struct dp_tun_cfg *cfg, const uint8_t *addr, bool queues, char *err,
                  size_t errcap)
{
	struct ifreq r = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR |
	                                       (queues ? IFF_MULTI_QUEUE : 0))};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), why;
	char help[400];

	if (fd < 0) {
		why = errno;
		snprintf(err, errcap,
		         "[tun]: cannot open /dev/net/tun: %s; load the kernel's module tun, or "
		         "give "
		         "this user the device",
		         strerror(why));
		return -why;
	}
	memcpy(r.ifr_name, cfg->name, sizeof(r.ifr_name));
	if (ioctl(fd, TUNSETIFF, &r) == 0)
		return fd;
	why = errno;
	close(fd);
	remedy(cfg, addr, help, sizeof(help));
	if (why == EBUSY)
		say_in_use(cfg, err, errcap);
	else if (why == EPERM)
		snprintf(err, errcap, "[tun]: may not make the interface %s: %s", cfg->name, help);
	else
		snprintf(err, errcap,
		         "[tun]: cannot make the interface %s: %s; is there one of another kind?",
		         cfg->name, strerror(why));
	return -why;
}

/* All queues. Where the interface had been made with one, or with several and one is wanted, the kernel says EINVAL. */
static int attach_all(const struct dp_tun_cfg *cfg, const uint8_t *addr, struct tun_if *i,
                      char *err, size_t errcap)
{
	bool several = i->queues > 1;
	unsigned want = i->queues;
	int fd;

	/* Of several queues the kernel gives some to each process that asks. */
	if (in_use(cfg->name)) {
		say_in_use(cfg, err, errcap);
		return -EBUSY;
	}
	fd = attach(cfg, addr, several, err, errcap);
	if (fd == -EINVAL) {
		want = 1;
		fd = attach(cfg, addr, !several, err, errcap);
	}
	for (i->queues = 0; fd >= 0;) {
		i->fd[i->queues++] = fd;
		if (i->queues == want)
			return 0;
		fd = attach(cfg, addr, several, err, errcap);
	}
	return fd;
}

/* What the kernel's packets may have left to us; older kernels know less.
 * syscalls at the start: ioctl */
static uint32_t offload(const struct dp_tun_cfg *cfg, const struct tun_if *i)
{
	static const struct {
		unsigned long bits;
		uint32_t runs;
	} tries[] = {{TUN_F_CSUM | TUN_F_TSO6 | TUN_F_TSO_ECN | USO, 1 << GSO_TCP | 1 << GSO_UDP},
	             {TUN_F_CSUM | TUN_F_TSO6 | TUN_F_TSO_ECN, 1 << GSO_TCP},
	             {0, 0}};
	unsigned t = cfg->offload ? 0 : 2;

	/* The interface has one setting, for all of its queues; one that had been made before may have that of another process. */
	while (t < 2 && ioctl(i->fd[0], TUNSETOFFLOAD, tries[t].bits) < 0)
		t++;
	if (t == 2)
		(void)ioctl(i->fd[0], TUNSETOFFLOAD, 0UL);
	return tries[t].runs;
}

/* Whether the interface has the address, and is up. */
static void look(const char *name, const uint8_t *addr, bool *has, bool *up)
{
	struct ifaddrs *all, *i;

	*has = *up = false;
	if (getifaddrs(&all) < 0)
		return;
	for (i = all; i; i = i->ifa_next) {
		if (strcmp(i->ifa_name, name) != 0)
			continue;
		*up |= (i->ifa_flags & IFF_UP) != 0;
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6 &&
		    memcmp(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, addr,
		           IP6_ADDR_BYTES) == 0)
			*has = true;
	}
	freeifaddrs(all);
}

/* syscalls at the start: ioctl */
static int set_up(int s, const struct dp_tun_cfg *cfg, const uint8_t *addr)
{
	struct in6_request a = {.prefix_bits = cfg->route ? 8 : 128};
	struct ifreq r = {.ifr_mtu = cfg->mtu};

	memcpy(r.ifr_name, cfg->name, sizeof(r.ifr_name));
	memcpy(&a.addr, addr, sizeof(a.addr));
	if (ioctl(s, SIOCSIFMTU, &r) < 0)
		return -errno;
	a.index = (int)if_nametoindex(cfg->name);
	if (ioctl(s, SIOCSIFADDR, &a) < 0 && errno != EEXIST)
		return -errno;
	if (ioctl(s, SIOCGIFFLAGS, &r) < 0)
		return -errno;
	r.ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

/* syscalls at the start: socket ioctl close */
static int configure(const struct dp_tun_cfg *cfg, const uint8_t *addr, unsigned *mtu, char *err,
                     size_t errcap)
{
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	struct ifreq r = {0};
	bool has, up;
	char help[400];

	if (s < 0) {
		rc = -errno;
		snprintf(err, errcap, "[tun]: cannot make an IPv6 socket: %s", strerror(-rc));
		return rc;
	}
	memcpy(r.ifr_name, cfg->name, sizeof(r.ifr_name));
	rc = set_up(s, cfg, addr);
	if (ioctl(s, SIOCGIFMTU, &r) == 0)
		*mtu = (unsigned)r.ifr_mtu;
	close(s);
	look(cfg->name, addr, &has, &up);
	if ((rc == 0 || rc == -EPERM) && has && up)
		return 0;
	remedy(cfg, addr, help, sizeof(help));
	if (rc == -EPERM || rc == 0)
		snprintf(err, errcap,
		         "[tun]: the interface %s %s, and coyod may not change that: %s", cfg->name,
		         has ? "is down" : "lacks this node's address", help);
	else
		snprintf(err, errcap, "[tun]: cannot set up the interface %s: %s%s", cfg->name,
		         strerror(-rc),
		         rc == -EACCES ? "; is IPv6 switched off (net.ipv6.conf.*.disable_ipv6)?"
		                       : "");
	return rc ? rc : -EPERM;
}

/* syscalls at the start: close */
int tun_if_open(const struct dp_tun_cfg *cfg, const uint8_t addr[IP6_ADDR_BYTES], struct tun_if *i,
                char *err, size_t errcap)
{
	int rc = attach_all(cfg, addr, i, err, errcap);

	i->mtu = cfg->mtu;
	if (rc == 0)
		rc = configure(cfg, addr, &i->mtu, err, errcap);
	if (rc == 0) {
		i->runs = offload(cfg, i);
		return 0;
	}
	while (i->queues)
		close(i->fd[--i->queues]);
	return rc;
}
