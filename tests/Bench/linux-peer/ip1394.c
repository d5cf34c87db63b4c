// What an IPv4 datagram of 1500 bytes over FireWire costs Linux, from a UDP socket of the kernel's to the bus and back: virtual time less idle
// time, as in firewire.c. The neighbour is a node of the controller's model: port 7 sends back, port 9 takes.
#include <linux/module.h>
#include <linux/in.h>
#include <linux/ktime.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/tick.h>
#include <net/sock.h>

#define ROUNDS	3000
#define BYTES	1472
#define PEER	0x0a0d5e02	/* 10.13.94.2 */

static u64 idle_ns(void)
{
	return get_cpu_idle_time_us(0, NULL) * 1000;
}

static int exchange(struct socket *sock, void *data, int echoes)
{
	struct msghdr message = {};
	struct kvec vector = { .iov_base = data, .iov_len = BYTES };
	int failed = kernel_sendmsg(sock, &message, &vector, 1, BYTES) != BYTES;

	if (!echoes || failed)
		return failed;
	memset(&message, 0, sizeof(message));
	vector.iov_base = data;
	vector.iov_len = BYTES;
	return kernel_recvmsg(sock, &message, &vector, 1, BYTES, 0) != BYTES;
}

static int measure(const char *name, int port, void *data, int echoes)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(PEER) };
	struct socket *sock;
	u64 total, idle;
	int i, failed = 0, error;

	error = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &sock);
	if (error)
		return error;
	sock->sk->sk_rcvtimeo = 2 * HZ;
	error = kernel_connect(sock, (struct sockaddr *)&peer, sizeof(peer), 0);
	for (i = 0; !error && i < 64; i++)	/* warm-up */
		exchange(sock, data, echoes);
	idle = idle_ns();
	total = ktime_get_ns();
	for (i = 0; !error && i < ROUNDS; i++)
		failed += exchange(sock, data, echoes);
	total = ktime_get_ns() - total;
	idle = idle_ns() - idle;
	if (!error)
		pr_info("BENCH linux ip1394-%s %llu failed=%d\n", name, (total - idle) / ROUNDS, failed);
	sock_release(sock);
	return error;
}

static int __init ip1394_bench_init(void)
{
	void *data = kzalloc(BYTES, GFP_KERNEL);

	if (!data)
		return -ENOMEM;
	measure("datagram-1500", 7, data, 1);
	measure("datagram-1500-send-16", 9, data, 0);
	kfree(data);
	return -EAGAIN;			/* nothing to keep loaded */
}
module_init(ip1394_bench_init);
MODULE_DESCRIPTION("Costs of IPv4 datagrams over FireWire");
MODULE_LICENSE("GPL");
