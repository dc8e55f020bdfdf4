import { defineWords, plural } from '@/words'

export const words = defineWords(
  {
    title: 'Connections',
    new: 'New connection',
    none: 'No connections yet',
    noneHint: 'A connection is the named address of a store: a database, a cluster, a folder of files. Jobs refer to it by its name.',
    connector: 'Kind',
    url: 'Address',
    usedBy: 'Used by',
    jobs: (n: number) => `${n} ${plural(n, 'job', 'jobs')}`,
    updated: 'Changed',
    find: 'Name, kind or address',
    noMatch: 'No connection fits',
  },
  {
    title: '连接',
    new: '新建连接',
    none: '还没有连接',
    noneHint: '连接是一个存储（数据库、集群或文件夹）的命名地址，作业通过名称引用它。',
    connector: '类型',
    url: '地址',
    usedBy: '被使用',
    jobs: (n: number) => `${n} 个作业`,
    updated: '修改时间',
    find: '名称、类型或地址',
    noMatch: '没有匹配的连接',
  },
)
