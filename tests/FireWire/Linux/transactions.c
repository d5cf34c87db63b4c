// transactions MEMORY COUNT MOST [ECHO]: reads, writes and locks the memory of a FireWire node through Linux's /dev/fwN, and compares with a
// copy; then lets the node ECHO write to this machine. MOST bytes go to the memory at once: 512 at S100, twice as many at each faster speed.
// Prints "ok NAME DETAIL" or "not ok NAME DETAIL" for each kind; the status is 0 when all are ok.
#include <errno.h>
#include <fcntl.h>
#include <linux/firewire-cdev.h>
#include <linux/firewire-constants.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MEMORY 0xfffff0010000ULL
#define BYTES 65536

static int device;
static uint32_t generation;
static uint8_t copy[BYTES], answer[4096];
static uint32_t most = 512;
static uint64_t state = 88172645463325252ULL;

static uint32_t chance(uint32_t bound)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % bound;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* The response's code, or -errno; its data is in answer. */
static int request(int tcode, uint64_t offset, const void *data, uint32_t length, uint32_t *answered)
{
	struct fw_cdev_send_request send = {
		.tcode = tcode, .length = length, .offset = offset, .closure = offset, .data = (uintptr_t)data, .generation = generation,
	};
	union {
		struct fw_cdev_event_common common;
		struct fw_cdev_event_bus_reset reset;
		struct fw_cdev_event_response response;
		char room[sizeof(struct fw_cdev_event_response) + 4096];
	} event;

	if (ioctl(device, FW_CDEV_IOC_SEND_REQUEST, &send) < 0)
		return -errno;
	for (;;) {
		struct pollfd poll_for = { .fd = device, .events = POLLIN };

		if (poll(&poll_for, 1, 60000) != 1)
			return -ETIMEDOUT;
		if (read(device, &event, sizeof(event)) < 0)
			return -errno;
		if (event.common.type == FW_CDEV_EVENT_BUS_RESET)
			generation = event.reset.generation;
		if (event.common.type != FW_CDEV_EVENT_RESPONSE)
			continue;
		*answered = event.response.length;
		memcpy(answer, event.response.data, event.response.length);
		return event.response.rcode;
	}
}

static int write_some(uint32_t at, uint32_t length)
{
	uint32_t answered;
	int tcode = length == 4 && at % 4 == 0 ? TCODE_WRITE_QUADLET_REQUEST : TCODE_WRITE_BLOCK_REQUEST;

	for (uint32_t i = 0; i < length; i++)
		copy[at + i] = chance(256);
	return request(tcode, MEMORY + at, copy + at, length, &answered);
}

static int read_some(uint32_t at, uint32_t length)
{
	uint32_t answered;
	int tcode = length == 4 && at % 4 == 0 ? TCODE_READ_QUADLET_REQUEST : TCODE_READ_BLOCK_REQUEST;
	int rcode = request(tcode, MEMORY + at, NULL, length, &answered);

	if (rcode == 0 && (answered != length || memcmp(answer, copy + at, length) != 0))
		return -EIO;
	return rcode;
}

static int compare_swap(uint32_t at)
{
	uint32_t swap[2], answered;
	int hits = chance(2), rcode;

	memcpy(&swap[0], copy + at, 4);
	swap[0] ^= hits ? 0 : htonl(1);
	swap[1] = chance(0xffffffff);
	rcode = request(TCODE_LOCK_COMPARE_SWAP, MEMORY + at, swap, 8, &answered);
	if (rcode == 0 && (answered != 4 || memcmp(answer, copy + at, 4) != 0))
		return -EIO;
	if (hits)
		memcpy(copy + at, &swap[1], 4);
	return rcode;
}

static int quadlet(void)
{
	uint32_t at = chance(BYTES / 4) * 4;

	return chance(2) ? write_some(at, 4) : read_some(at, 4);
}

static int block(void)
{
	uint32_t length = 1 + chance(most), at = chance(BYTES - length);

	return chance(2) ? write_some(at, length) : read_some(at, length);
}

static int lock(void)
{
	return compare_swap(chance(BYTES / 4) * 4);
}

static int beyond(void)
{
	uint32_t answered;

	return request(TCODE_READ_QUADLET_REQUEST, MEMORY + BYTES, NULL, 4, &answered) == RCODE_ADDRESS_ERROR ? 0 : -EIO;
}

/* What is written to the echo node comes back as a request, which is answered. */
static int echo_one(uint64_t target)
{
	static uint8_t data[2048];
	uint32_t length = 1 + chance(sizeof(data)), at = chance(4096 - length);
	struct fw_cdev_send_request send = {
		.tcode = TCODE_WRITE_BLOCK_REQUEST, .length = length, .offset = MEMORY + 0x1000 + at, .data = (uintptr_t)data,
		.generation = generation,
	};
	union {
		struct fw_cdev_event_common common;
		struct fw_cdev_event_response response;
		struct fw_cdev_event_request2 request;
		char room[sizeof(struct fw_cdev_event_request2) + 4096];
	} event;
	int is_answered = 0, is_back = 0;

	for (uint32_t i = 0; i < length; i++)
		data[i] = chance(256);
	if (ioctl(device, FW_CDEV_IOC_SEND_REQUEST, &send) < 0)
		return -errno;
	while (!is_answered || !is_back) {
		struct pollfd poll_for = { .fd = device, .events = POLLIN };

		if (poll(&poll_for, 1, 60000) != 1)
			return -ETIMEDOUT;
		if (read(device, &event, sizeof(event)) < 0)
			return -errno;
		if (event.common.type == FW_CDEV_EVENT_RESPONSE) {
			if (event.response.rcode != RCODE_COMPLETE)
				return event.response.rcode;
			is_answered = 1;
		} else if (event.common.type == FW_CDEV_EVENT_REQUEST2) {
			struct fw_cdev_send_response send_back = { .rcode = RCODE_COMPLETE, .handle = event.request.handle };

			if (event.request.offset != target + at || event.request.length != length || memcmp(event.request.data, data, length) != 0)
				return -EIO;
			if (ioctl(device, FW_CDEV_IOC_SEND_RESPONSE, &send_back) < 0)
				return -errno;
			is_back = 1;
		}
	}
	return 0;
}

static int echoes(const char *name, int count)
{
	struct fw_cdev_event_bus_reset reset;
	struct fw_cdev_get_info info = { .version = 4, .bus_reset = (uintptr_t)&reset };
	struct fw_cdev_allocate allocate = { .offset = 0xffffe0000000ULL, .length = 4096, .region_end = 0xfffff0000000ULL };
	uint8_t target[8];
	uint32_t answered;
	int rcode;

	device = open(name, O_RDWR);
	if (device < 0 || ioctl(device, FW_CDEV_IOC_GET_INFO, &info) < 0 || ioctl(device, FW_CDEV_IOC_ALLOCATE, &allocate) < 0) {
		printf("not ok echoes: %s: %s\n", name, strerror(errno));
		return 1;
	}
	generation = reset.generation;
	for (int i = 0; i < 8; i++)
		target[i] = allocate.offset >> (56 - 8 * i);
	rcode = request(TCODE_WRITE_BLOCK_REQUEST, MEMORY, target, 8, &answered);
	for (int i = 0; i < count && rcode == 0; i++)
		rcode = echo_one(allocate.offset);
	printf("%s echoes %d: %d\n", rcode == 0 ? "ok" : "not ok", count, rcode);
	return rcode != 0;
}

static int all(const char *name, int (*one)(void), int count)
{
	double start = now();

	for (int i = 0; i < count; i++) {
		int rcode = one();

		if (rcode != 0) {
			printf("not ok %s: %d at number %d\n", name, rcode, i);
			return 1;
		}
	}
	printf("ok %s %d %.0f a second\n", name, count, count / (now() - start));
	return 0;
}

int main(int argc, char **argv)
{
	struct fw_cdev_event_bus_reset reset;
	struct fw_cdev_get_info info = { .version = 4, .bus_reset = (uintptr_t)&reset };
	int count = argc > 2 ? atoi(argv[2]) : 100, failed = 0;

	device = open(argv[1], O_RDWR);
	if (device < 0 || ioctl(device, FW_CDEV_IOC_GET_INFO, &info) < 0) {
		perror(argv[1]);
		return 1;
	}
	generation = reset.generation;
	if (argc > 3)
		most = atoi(argv[3]);
	for (uint32_t at = 0; at < BYTES && failed == 0; at += most)
		failed = write_some(at, most) != 0;
	failed += all("quadlets", quadlet, count);
	failed += all("blocks", block, count);
	failed += all("locks", lock, count);
	failed += all("beyond", beyond, 3);
	for (uint32_t at = 0; at < BYTES && failed == 0; at += most)
		failed = read_some(at, most) != 0;
	printf("%s whole\n", failed ? "not ok" : "ok");
	if (argc > 4)
		failed += echoes(argv[4], count / 10);
	return failed != 0;
}
