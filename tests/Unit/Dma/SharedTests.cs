using System.Threading;
using Sluice.Dma;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Fields that a device may write at any time.</summary>
[RunsOnce]
public sealed unsafe class SharedTests
{
    [Fact]
    public void A_field_that_changes_while_it_is_read_is_read_whole()
    {
        Shared<ulong>* field = stackalloc Shared<ulong>[1];
        field->Write(0);
        bool ended = false;
        var device = new Thread(() =>
        {
            for (ulong i = 0; !Volatile.Read(ref ended); i++)
                field->Write((i & 0xFF) * 0x0101_0101_0101_0101);
        });
        device.Start();
        ulong torn = 0;
        int changes = 0;
        for (ulong i = 0, last = 0; i < 1_000_000 || changes < 100; i++)
        {
            ulong value = field->Read();
            torn = value % 0x0101_0101_0101_0101 == 0 ? torn : value;
            changes += value == last ? 0 : 1;
            last = value;
        }
        Volatile.Write(ref ended, true);
        device.Join();
        Assert.Equal(0ul, torn);
    }

    [Fact]
    public void What_was_read_once_stays_what_it_was()
    {
        Shared<ushort> length = default;
        length.Write(60);
        ushort read = length.Read();
        length.Write(0xFFFF);
        Assert.Equal(60, read);
        Assert.Equal(0xFFFF, length.Read());
    }
}
